"""Nothing that was asked is lost: updates are confirmed when they are handled, whatever ends the process."""

import asyncio
from typing import Any

import pytest

from core.ports.tracks import Found
from tests.cogs.telegram.conftest import Party
from tests.fakes import track
from tests.waiting import until

SLOW = "https://slow.example.org/x"


@pytest.fixture
def slow(party: Party, monkeypatch: pytest.MonkeyPatch) -> Party:
    """A link that takes until the gate opens, and an end without farewell, as kill -9 is."""
    monkeypatch.setattr("cogs.telegram.lanes.FAREWELL", 0)
    party.resolver.remote[SLOW] = Found((track("Slow"),))
    party.resolver.gate.clear()
    return party


async def _polled_again(party: Party) -> None:
    """The poll after the next has begun: by then whatever is going to be confirmed was."""
    before = len(party.telegram.called("getUpdates"))
    await until(lambda: len(party.telegram.called("getUpdates")) > before + 1)


async def test_a_command_in_work_survives_the_end_of_the_process(slow: Party) -> None:
    sent = slow.ann.post(f"/play {SLOW}", slow.group)
    await until(lambda: slow.resolver.asked == [SLOW])
    await _polled_again(slow)
    await slow.stop()
    slow.resolver.gate.set()
    await slow.start()
    assert (await slow.ann.answered(sent)).text == "Slow is on."
    assert slow.group.said.count("Slow is on.") == 1


async def test_what_came_after_a_slow_one_is_done_once_and_confirmed_with_it(slow: Party) -> None:
    other = slow.telegram.group("Others", slow.ben)
    slow.ann.post(f"/play {SLOW}", slow.group)
    await until(lambda: slow.resolver.asked == [SLOW])
    assert "Aria is on" in (await slow.ben.say("/play aria", other)).text
    await _polled_again(slow)
    assert other.said.count("Aria is on.") == 1
    assert len(slow.telegram.updates.waiting) == 2
    slow.resolver.gate.set()
    await until(lambda: not slow.telegram.updates.waiting)
    assert slow.resolver.asked == [SLOW, "aria"]


async def test_a_hundred_stuck_ones_do_not_keep_the_rest_away(slow: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogs.telegram.receiving.MOST", 3)
    monkeypatch.setattr("tests.simulators.telegram.updates.MOST", 3)
    slow.ann.post(f"/play {SLOW}", slow.group)
    for _ in range(4):
        slow.ann.post("/now", slow.group)
    assert "Aria is on" in (await slow.ben.say("/play aria", slow.telegram.group("Others", slow.ben))).text
    slow.resolver.gate.set()
    await until(lambda: len([text for text in slow.group.said if "Slow" in text]) >= 5)


async def test_a_hung_one_is_given_up(slow: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogs.telegram.lanes.LONGEST", 0.2)
    slow.ann.post(f"/play {SLOW}", slow.group)
    assert "Nothing is playing" in (await slow.ann.say("/now", slow.group)).text


async def test_what_a_webhook_brought_and_is_not_done_is_asked_for_again(
    slow: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.telegram.receiving.POLL", 0.05)
    update: dict[str, Any] = {
        "update_id": 800_000_000,
        "message": {
            "message_id": 4_000,
            "date": 1,
            "chat": slow.group.json(),
            "from": slow.ann.json(),
            "text": f"/play {SLOW}",
        },
    }
    assert not await slow.client.receive(update)
    assert not await slow.client.receive(update)
    slow.resolver.gate.set()
    await asyncio.wait([*slow.client.lanes._last.values()])
    assert await slow.client.receive(update)
    assert slow.resolver.asked == [SLOW]


def _said(party: Party, number: int, text: str) -> dict[str, Any]:
    """An update as Telegram brings it."""
    message = {"message_id": number, "date": 1, "chat": party.group.json(), "from": party.ann.json(), "text": text}
    return {"update_id": 800_000_000 + number, "message": message}


async def test_updates_that_come_in_another_order_are_each_handled_once(party: Party) -> None:
    first, second = _said(party, 1, "/play aria"), _said(party, 2, "/play blues")
    for update in (second, first, second, first):
        assert await party.client.receive(update)
    assert (party.on_air, party.waiting) == ("Blues", ["Aria"])


async def test_what_nobody_understands_is_confirmed(party: Party) -> None:
    party.telegram.updates.put("subscription", {"user": party.ann.json(), "state": "active", "invoice_payload": "x"})
    assert party.telegram.updates.waiting
    await until(lambda: not party.telegram.updates.waiting)
    assert "Nothing is playing" in (await party.ann.say("/now", party.group)).text


async def test_a_server_that_fails_now_and_then_and_a_foreign_webhook_do_not_end_it(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.telegram.receiving.PAUSE", 0.1)
    party.telegram.faults.on("getUpdates", 502, times=3)
    assert "Nothing is playing" in (await party.ann.say("/now", party.group)).text
    party.telegram.updates.webhook = {"url": "https://elsewhere.example.org/hook"}
    await until(lambda: party.telegram.updates.webhook is None, within=30)
    assert "Nothing is playing" in (await party.ben.say("/now", party.group)).text
