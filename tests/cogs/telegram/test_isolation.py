"""Two chats with each other's ids: no button and no command reads or changes anything across."""

import itertools
from dataclasses import replace

import pytest

from cogs.telegram.buttons import _ACTS
from cogs.telegram.commands import COMMANDS
from cogs.telegram.keyboards import LONGEST, tag
from cogs.telegram.people import chat_of
from cogs.yes import COMMANDS as QUESTIONS
from core.errors import NothingFoundError
from core.ports.rates import Rate
from core.room import Room
from core.types import RoomId
from tests.cogs.telegram.conftest import Party
from tests.fakes import track

SECRET = "bravo"


def state(room: Room) -> str:
    """All that is stored of a room; its name is the chat's."""
    return repr(replace(room, order=None, name=""))


@pytest.fixture
async def theirs(party: Party, monkeypatch: pytest.MonkeyPatch) -> Room:
    """The room of another chat in the middle of its evening; everything of it says `bravo`."""
    monkeypatch.setattr("cogs.telegram.outbox.GROUP", Rate(1000, 1))
    monkeypatch.setattr("tests.simulators.telegram.chats.FLOOD", 10_000)
    zoe = party.telegram.user(f"{SECRET} Zoe")
    other = party.telegram.group(f"{SECRET} chat", zoe)
    for number in range(12):
        party.library.tracks = [track(f"{SECRET} {number}")]
        await zoe.say(f"/play {SECRET} {number}", other)
    await zoe.say("/settings skip_threshold 70", other)
    await zoe.say("/skip", other)
    party.library.tracks = [track("Aria"), track("Blues"), track("Chant")]
    for title in ("aria", "blues", "chant"):
        await party.ann.say(f"/play {title}", party.group)
    await party.shows("Aria")
    return party.rooms.rooms[RoomId(f"room-of-telegram:{other.id}")]


def ids(room: Room) -> list[int]:
    """Numbers that mean something there: entries that wait, the one on air, what has played; and pages."""
    current = [room.current.entry.id] if room.current else []
    return [0, 1, *current, min(room.entries), max(room.entries), room.next_entry]


def every_action() -> list[str]:
    return [*_ACTS, *(f"yes.{kind}" for kind in QUESTIONS)]


async def test_every_button_with_the_others_ids(party: Party, theirs: Room) -> None:
    before, live = state(theirs), party.group.live
    for action, number in itertools.product(every_action(), ids(theirs)):
        data = f"{action}:{tag(party.room.id)}:{number}"
        assert len(data.encode()) <= LONGEST
        assert SECRET not in (await party.ann.press_data(live, data)).text, data
    assert state(theirs) == before
    assert not any(SECRET in text for text in party.group.said)


async def test_a_button_of_another_room_does_nothing_here(party: Party, theirs: Room) -> None:
    ours, before, live = state(party.room), state(theirs), party.group.live
    for action in every_action():
        for number in (max(party.room.entries), max(theirs.entries)):
            toast = await party.ann.press_data(live, f"{action}:{tag(theirs.id)}:{number}")
            assert "belongs to another chat" in toast.text, action
    assert (state(party.room), state(theirs)) == (ours, before)


async def test_every_command_with_the_others_ids(party: Party, theirs: Room) -> None:
    before, chat = state(theirs), chat_of(theirs.place)
    for number in ids(theirs):
        party.resolver.remote[f"#{number}"] = NothingFoundError("")
    entries = f"#{max(theirs.entries)} #{min(theirs.entries)}"
    names = (f"{chat}", theirs.id, theirs.place, f"live_{chat}", f"{chat} rtmps://a.example.org/s/k")
    for command in (one for one in COMMANDS if not one.sold):  # nothing is sold here, so those do not answer
        for arguments in ("", *(f"#{number}" for number in ids(theirs)), entries, *names):
            reply = await party.ann.say(f"/{command.name} {arguments}", party.group)
            assert SECRET not in reply.text, (command.name, arguments)
    assert state(theirs) == before
    assert not any(push.room == theirs.id for push in party.pushes.rows.values())


async def test_their_keys_and_pushes_from_a_private_chat(party: Party, theirs: Room) -> None:
    """Who is an administrator here is nobody there, even with the chat's id."""
    chat = chat_of(theirs.place)
    for text in (f"/live {chat} rtmps://a.example.org/s/k", f"/start live_{chat}", f"/live {chat}"):
        assert SECRET not in (await party.ann.say(text)).text
    assert not party.pushes.rows
