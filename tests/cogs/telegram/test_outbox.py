"""The budget of a chat, shared by processes."""

import asyncio
from typing import Any, cast

import pytest
from limits import parse
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut

from cogs.telegram.outbox import Outbox
from tests.cogs.telegram.conftest import Party


async def test_processes_share_a_chats_budget(party: Party, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogs.telegram.outbox.GROUP", parse("3 per 5 second"))
    monkeypatch.setattr("cogs.telegram.outbox.SPARE", 0)
    both = [Outbox(party.client.bot, redis_url) for _ in range(2)]
    sent = await both[0].send(party.group.id, "one")
    await both[1].send(party.group.id, "two")
    assert await both[0].edit(party.group.id, sent.message_id, "three", None)
    assert not await both[1].edit(party.group.id, sent.message_id, "four", None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await both[0].send(party.group.id, "five")
    for one in both:
        await one.close()


async def test_while_redis_is_away_each_counts_for_itself(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogs.telegram.outbox.GROUP", parse("2 per 5 second"))
    outbox = Outbox(party.client.bot, "redis://127.0.0.1:1")
    for _ in range(2):
        await outbox.send(party.group.id, "x")
    assert not await outbox.may_edit(party.group.id)
    await outbox.close()


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
        await Outbox(cast("Any", bot)).send(1, "x")
    assert bot.sent == tries
