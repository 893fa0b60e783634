"""What the client asks Discord for."""

import asyncio

import pytest

from core.ports.tracks import Found
from tests.cogs.conftest import Party
from tests.fakes import track
from tests.simulators.discord.intents import GUILD_VOICE_STATES, GUILDS
from tests.waiting import until


async def test_only_two_intents_are_asked_for_and_none_is_privileged(party: Party) -> None:
    assert [session.intents for session in party.discord.gateway.sessions.values()] == [GUILDS | GUILD_VOICE_STATES]


async def test_members_are_kept_while_they_are_in_voice_only(party: Party) -> None:
    def kept() -> set[str]:
        guild = party.client.get_guild(party.guild.id)
        return {member.display_name for member in guild.members if not member.bot} if guild else set()

    await until(lambda: kept() == {"Ann", "Ben", "Cyd"})
    party.guild.member("Lurker")
    await party.cyd.leave()
    await until(lambda: kept() == {"Ann", "Ben"})


async def asking(party: Party) -> asyncio.Task[None]:
    """Somebody asked for a link that takes its time; the bot's task for it."""
    party.resolver.remote["http://x.test/a.mp3"] = Found((track("Far"),))
    party.resolver.gate.clear()
    person = asyncio.ensure_future(party.ann.slash("play", query="http://x.test/a.mp3", in_=party.chat))
    await until(lambda: party.resolver.asked)
    (task,) = (it for it in asyncio.all_tasks() if it.get_name() == "CommandTree-invoker")
    task.add_done_callback(lambda _: person.cancel())
    return task


async def test_a_command_under_way_ends_before_the_client_is_closed(party: Party) -> None:
    task = await asking(party)
    party.client.loop.call_later(0.1, party.resolver.gate.set)
    await party.stop()
    assert task.done()
    assert party.on_air == "Far"


async def test_a_command_that_takes_too_long_is_cut_off_when_the_client_closes(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.discord.client.FAREWELL", 0.05)
    task = await asking(party)
    await party.stop()
    assert task.done()
    assert party.on_air is None
