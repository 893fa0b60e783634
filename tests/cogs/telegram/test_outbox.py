"""The budget of a chat, shared by processes."""

import asyncio
from typing import Any, cast

import pytest
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut

from cogs.telegram.outbox import Outbox
from core.ports.rates import Rate
from core.rates import OwnCounter
from tests.cogs.telegram.conftest import Party
from tests.fakes import FakeClock


async def test_edits_leave_room_for_answers_and_messages_wait(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogs.telegram.outbox.GROUP", Rate(3, 60))
    monkeypatch.setattr("cogs.telegram.outbox.SPARE", 1)
    outbox = Outbox(party.client.bot, OwnCounter(party.clock))
    sent = await outbox.send(party.group.id, "one")
    assert await outbox.edit(party.group.id, sent.message_id, "two", None)
    assert not await outbox.edit(party.group.id, sent.message_id, "three", None)
    await outbox.send(party.group.id, "four")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await outbox.send(party.group.id, "five")
    assert await outbox.may_edit(party.ann.id), "another chat"
    party.clock.move(60_000)
    await outbox.send(party.group.id, "six")


class Slow:
    """A bot whose server takes messages and is too slow to say so."""

    def __init__(self, error: TelegramError) -> None:
        self.error = error
        self.sent = 0

    async def send_message(self, *_: object, **__: object) -> None:
        self.sent += 1
        raise self.error


@pytest.mark.parametrize(("error", "tries"), [(TimedOut(), 1), (BadRequest("no"), 1), (NetworkError("reset"), 3)])
async def test_what_may_have_arrived_is_not_sent_again(
    error: TelegramError, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.telegram.outbox.PAUSE", 0)
    bot = Slow(error)
    with pytest.raises(type(error)):
        await Outbox(cast("Any", bot), OwnCounter(FakeClock())).send(1, "x")
    assert bot.sent == tries
