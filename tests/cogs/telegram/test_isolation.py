"""Two chats with each other's ids: no button and no command reads or changes anything across."""

from dataclasses import replace

import pytest
from limits import parse

from cogs.telegram.buttons import _ACTS
from cogs.telegram.commands import COMMANDS
from cogs.telegram.keyboards import LONGEST, tag
from cogs.yes import COMMANDS as QUESTIONS
from core.errors import NothingFoundError
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
    monkeypatch.setattr("cogs.telegram.outbox.GROUP", parse("1000 per second"))
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


async def test_every_button_with_the_others_ids(party: Party, theirs: Room) -> None:
    before = state(theirs)
    actions = [*_ACTS, *(f"yes.{kind}" for kind in QUESTIONS)]
    entry, live = max(theirs.entries), party.group.live
    for action in actions:
        for room in (party.room.id, theirs.id):
            data = f"{action}:{tag(room)}:{entry}"
            assert len(data.encode()) <= LONGEST
            toast = await party.ann.press_data(live, data)
            assert SECRET not in toast.text, data
    assert state(theirs) == before
    assert not any(SECRET in text for text in party.group.said)


async def test_every_command_with_the_others_ids(party: Party, theirs: Room) -> None:
    before = state(theirs)
    party.resolver.remote[f"#{max(theirs.entries)}"] = NothingFoundError("")
    for command in COMMANDS:
        for arguments in ("", f"#{max(theirs.entries)}", f"#{max(theirs.entries)} #{min(theirs.entries)}"):
            reply = await party.ann.say(f"/{command.name} {arguments}", party.group)
            assert SECRET not in reply.text, command.name
    assert state(theirs) == before
