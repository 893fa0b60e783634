"""Every slash command, through the real client."""

from core.types import PersonId
from tests.cogs.conftest import Party


async def test_play_queues_starts_and_shows_the_panel(party: Party) -> None:
    reply = await party.ann.slash("play", query="aria", in_=party.chat)
    assert reply.text == "**Aria** is on."
    assert reply.ephemeral
    assert not reply.deferred
    assert party.on_air == "Aria"
    assert party.room.voice_channel == party.music.id
    await party.there("Ann", "Ben", "Cyd")
    await party.discord.until(lambda: len(party.chat.messages) == 1, what="the panel")
    panel = party.chat.messages[0]
    assert "Aria" in panel.text
    assert "Asked for by Ann" in panel.text
    later = await party.ben.slash("play", query="blues", in_=party.chat)
    assert later.text == "**Blues** is number 1 in the queue, in about 3 min."
    assert party.room.people[PersonId(f"discord-{party.ann.id}"), party.room.place].name == "Ann"
