"""Who somebody of the page is to the chats that share its room."""

from core.enums import Surface
from core.types import Identity, PlaceId
from tests.cogs.telegram.conftest import Party
from tests.simulators.telegram import Person


def identity(person: Person) -> Identity:
    return Identity(Surface.TELEGRAM, str(person.id), person.first_name)


async def test_a_member_is_who_they_are_in_the_chat(party: Party) -> None:
    place = PlaceId(f"telegram:{party.group.id}")
    ref, members = await party.places.place_room(place, "Testers"), party.client.members
    places = (PlaceId("discord:1"), place)
    await party.ben.say("/now", party.group)
    ben = await members.actor(ref, places, identity(party.ben))
    assert ben is not None
    assert (ben.place, ben.surface, ben.dj, ben.admin) == (place, Surface.TELEGRAM, False, False)
    assert (ben.person, place) in party.room.people
    ann = await members.actor(ref, places, identity(party.ann))
    assert ann is not None
    assert (ann.dj, ann.admin) == (True, True)


async def test_everybody_else_is_a_guest(party: Party) -> None:
    place = PlaceId(f"telegram:{party.group.id}")
    ref, members = await party.places.place_room(place, "Testers"), party.client.members
    stranger = party.telegram.user("Dan")
    assert await members.actor(ref, (place,), identity(stranger)) is None
    assert await members.actor(ref, (PlaceId("discord:1"), PlaceId("web:lobby")), identity(party.ann)) is None
    assert await members.actor(ref, (place,), Identity(Surface.WEB, str(party.ann.id), "Ann")) is None
    party.telegram.faults.on("getChatMember", 502, times=3)
    assert await members.actor(ref, (place,), identity(party.cyd)) is None


async def test_ones_own_chat_with_the_bot_is_ones_own(party: Party) -> None:
    place = PlaceId(f"telegram:{party.cyd.id}")
    ref = await party.places.place_room(place, "Cyd")
    cyd = await party.client.members.actor(ref, (place,), identity(party.cyd))
    assert cyd is not None
    assert cyd.admin
    assert await party.client.members.actor(ref, (place,), identity(party.ben)) is None


async def test_telegram_is_asked_once_a_minute(party: Party) -> None:
    place = PlaceId(f"telegram:{party.group.id}")
    ref = await party.places.place_room(place, "Testers")
    for _ in range(3):
        await party.client.members.actor(ref, (place,), identity(party.ben))
    assert len(party.telegram.called("getChatMember")) == 1
