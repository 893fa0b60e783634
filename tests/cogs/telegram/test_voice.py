"""/voice: the track as an audio message, where that is allowed."""

import pytest

from core.errors import UnplayableError
from core.ports.copies import Copy
from core.types import Track
from tests.cogs.telegram.conftest import Party


class FakeCopies:
    """Shares what it is told to."""

    def __init__(self) -> None:
        self.shared: dict[str, bytes | Exception] = {"Aria": b"ID3 the sound of it"}
        self.asked: list[str] = []

    async def copy(self, track: Track) -> Copy | None:
        self.asked.append(track.title)
        match self.shared.get(track.title):
            case Exception() as error:
                raise error
            case bytes() as content:
                return Copy(f"{track.title}.mp3", content)
            case _:
                return None


@pytest.fixture
async def copies(party: Party) -> FakeCopies:
    await party.stop()
    party.copies = copies = FakeCopies()
    await party.start()
    return copies


async def test_what_plays_is_sent_and_goes_to_telegram_once(party: Party, copies: FakeCopies) -> None:
    await party.ann.say("/play aria", party.group)
    answers = [await party.ben.say("/voice", party.group) for _ in range(2)]
    for answer in answers:
        assert answer.payload["audio"]["title"] == "Aria"
        assert answer.payload["audio"]["duration"] == 180
    first, second = party.telegram.called("sendAudio")
    assert first.parameters["audio"] == b"ID3 the sound of it"
    assert second.parameters["audio"] == answers[0].payload["audio"]["file_id"]
    assert copies.asked == ["Aria"]


async def test_what_may_not_be_shared_is_not_sent(party: Party, copies: FakeCopies) -> None:
    assert "Nothing is playing" in (await party.ann.say("/voice", party.group)).text
    await party.ann.say("/play blues", party.group)
    assert "may not be sent" in (await party.ann.say("/voice", party.group)).text
    copies.shared["Blues"] = UnplayableError("too_large")
    assert "too long" in (await party.ann.say("/voice", party.group)).text
    copies.shared["Blues"] = UnplayableError("corrupt")
    assert "damaged" in (await party.ann.say("/voice", party.group)).text
    assert not party.telegram.called("sendAudio")


async def test_nothing_is_shared_unless_the_operator_says_so(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    assert "may not be sent" in (await party.ann.say("/voice", party.group)).text
