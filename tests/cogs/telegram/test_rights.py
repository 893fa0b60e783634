"""What chats, their administrators and the bot itself may do."""

from dataclasses import replace

import pytest

import cogs.telegram.panel
from cogs.telegram.outbox import GROUP
from core.ports.places import RoomRef
from core.types import PlaceId
from tests.cogs.telegram.conftest import Party
from tests.waiting import until

DISTANCE = cogs.telegram.panel.GAP
"""As it is without tests, which shorten it."""


def test_the_figures_are_what_telegram_bears() -> None:
    assert DISTANCE >= 4
    assert GROUP.most < 20
    assert GROUP.seconds == 60


async def test_a_post_that_telegram_forwards_by_itself_does_nothing(party: Party) -> None:
    party.ann.post("/play aria", party.group, is_automatic_forward=True)
    assert "Nothing is playing" in (await party.ben.say("/now", party.group)).text
    assert not party.resolver.asked


async def test_in_a_shared_room_the_chats_administrators_are_djs_and_no_more(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await party.places.guild_room(1, 7, "Guild")
    room = party.rooms.rooms[host.room]
    room.linked = (PlaceId(f"telegram:{party.group.id}"),)

    async def shared(_place: PlaceId, _name: str) -> RoomRef:
        return replace(host)

    monkeypatch.setattr(party.places, "place_room", shared)
    assert "Aria" in (await party.ben.say("/play aria", party.group)).text
    assert "locked" in (await party.ann.say("/lock", party.group)).text
    assert "Only the administrators" in (await party.ann.say("/settings skip_threshold 70", party.group)).text
    assert "Only the administrators" in (await party.ann.say("/live start", party.group)).text
    party.links.linked[PlaceId(f"telegram:{party.group.id}")] = host.room
    assert "Only the administrators" in (await party.ben.say("/unlink", party.group)).text
    assert "of its own again" in (await party.ann.say("/unlink", party.group)).text  # that, they may by themselves


async def test_who_speaks_for_the_chat_is_nobody_whose_accounts_could_be_joined(party: Party) -> None:
    await party.ann.say("/me link")
    told = await party.ann.say("/me K1", party.group, anonymous=True)
    assert "one person" not in told.text
    assert party.people.linked == []


async def test_a_chat_that_does_not_let_it_pin_is_asked_once(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await until(lambda: party.telegram.called("pinChatMessage"))
    first = party.group.live.id
    await party.ann.say("/skip", party.group)
    await party.ann.say("/play blues", party.group)
    await until(lambda: party.group.live.id != first and party.group.shows("Blues"))
    await party.ann.say("/play chant", party.group)
    await party.shows("1. Chant")
    assert len(party.telegram.called("pinChatMessage")) == 1
