"""How long a chat platform that cannot be reached is left alone."""

import pytest
from structlog.testing import capture_logs

from bot.keeper import Keeper
from tests.waiting import until


class Platform(Keeper):
    """Fails as often as it is told, once after it was up."""

    def __init__(self) -> None:
        super().__init__("chat", refused=ValueError, advice="", retried=(OSError,))
        self.tries = 0

    async def _connect(self) -> None:
        self.tries += 1
        if self.tries == 5:
            self.state = "up"
        if self.tries == 7:
            raise ValueError
        raise OSError


async def test_pauses_grow_from_the_first_one_and_begin_anew_after_it_was_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.keeper.RETRY", (0.001, 0.004))
    platform = Platform()
    with capture_logs() as logs:
        platform.start()
        await until(lambda: platform.tries == 7)
        await platform.stop()
    assert [it["pause"] for it in logs if "pause" in it] == [0.001, 0.002, 0.004, 0.004, 0.001, 0.002]
    assert platform.trouble is not None
    assert "refused" in platform.trouble
