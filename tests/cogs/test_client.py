"""What the client asks Discord for."""

from tests.cogs.conftest import Party
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
