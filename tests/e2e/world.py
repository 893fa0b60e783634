"""The product in a simulated Discord, with music folders and a foreign site on loopback."""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import sound
from tests.audio.foreign import Site
from tests.e2e.product import Product
from tests.simulators.discord.channels import TextChannel, VoiceChannel
from tests.simulators.discord.guilds import Guild
from tests.simulators.discord.members import Member
from tests.simulators.discord.messages import Message
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import until

TONES = {"Low A": 440.0, "Bright C": 523.0, "High E": 660.0, "Top A": 880.0}
LONG = 1_000.0
MEDIA_ADDRESS = re.compile(r"/media/[\w.~-]{16,}")


@dataclass
class World:
    """A guild with members in voice, and the product in it."""

    discord: DiscordSimulator
    guild: Guild
    music: VoiceChannel
    text: TextChannel
    chorus: Product
    people: list[Member]

    async def play(self, member: Member, title: str) -> None:
        reply = await member.slash("play", in_=self.text, query=title)
        assert title in reply.content, reply.content

    async def start_long(self, member: Member) -> None:
        """A minute of one tone is on air."""
        await self.play(member, "Long")
        await self.music.heard(LONG)

    def panel(self) -> Message:
        """The now-playing message."""
        return next(message for message in self.text.messages if message.components)

    async def shown(self) -> Message:
        """The now-playing message, once it is there."""
        return (await until(lambda: [message for message in self.text.messages if message.components]))[0]

    async def said(self, member: Member, command: str, *, within: float = 3.0, **options: Any) -> str:
        """What the bot answers to a command: all that the person reads."""
        return (await member.slash(command, in_=self.text, within=within, **options)).text

    async def told(self, member: Member, command: str, words: str, *, within: float = 5.0, **options: Any) -> None:
        """Repeat a command until its answer holds these words."""
        said = ""

        async def asked() -> bool:
            nonlocal said
            said = await self.said(member, command, **options)
            return words in said

        try:
            await until(asked, within=within)
        except AssertionError:
            raise AssertionError(f"/{command} does not say {words!r} but {said!r}") from None

    async def queue(self) -> str:
        """What /queue shows."""
        return await self.said(self.guild.owner, "queue")

    async def panel_says(self, words: str, *, within: float = 8.0) -> None:
        """Wait until the now-playing message says that."""
        await until(lambda: any(words in m.text for m in self.text.messages), within=within, what=f"{words!r} shown")


@dataclass
class Stage:
    """One product whose tests have a guild each. `site` may be fetched from, `inside` may not."""

    discord: DiscordSimulator
    chorus: Product
    site: Site
    inside: Site
    music: Path
    secrets: list[str] = field(default_factory=list[str])

    async def guild(self, name: str = "Testers", *people: str) -> World:
        """A guild with these people (Ann, Ben and Cleo) in its voice channel."""
        guild = self.discord.guild(name)
        music, text = guild.voice_channel("Music"), guild.text_channel("chat")
        members = [guild.member(person) for person in people or ("Ann", "Ben", "Cleo")]
        for member in members:
            await member.join(music)
        return World(self.discord, guild, music, text, self.chorus, members)

    def spilled(self) -> list[str]:
        """Log lines, of the bot and of its node, in which a secret stands."""
        lines = [*self.chorus.lines, *self.chorus.screen]
        log = self.chorus.data / "node.log"
        lines += log.read_text(errors="replace").splitlines() if log.exists() else []
        secrets = self._secrets()
        return [line for line in lines if MEDIA_ADDRESS.search(line) or any(secret in line for secret in secrets)]

    def _secrets(self) -> set[str]:
        discord, data = self.discord, self.chorus.data
        found = {discord.token, *self.secrets, *discord.interactions.by_token, *self.chorus.node_passwords}
        found |= {connection.grant.token for connection in discord.voice.connections}
        found |= {attachment.signature for attachment in discord.attachments.values()}
        found |= {path.read_text().strip() for path in [data / "secret.key"] if path.exists()}
        return {secret for secret in found if secret}


def write_tones(folder: Path) -> Path:
    """The usual music folder: four short tones and a long one."""
    for title, hz in TONES.items():
        sound.write_tone(folder / f"{title}.flac", hz, 2.0, tags={"title": title, "artist": "Generator"})
    sound.write_tone(folder / "Long.flac", LONG, 60.0, tags={"title": "Long", "artist": "Generator"})
    return folder


@asynccontextmanager
async def staged(data: Path, music: Path, env: dict[str, str] | None = None) -> AsyncGenerator[Stage]:
    """Everything started, the music indexed; at the end nothing secret may stand in any log line."""
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator.start())
        site, inside = Site(), Site(host="127.0.0.2")
        for one in (site, inside):
            await one.server.start_server()
            stack.push_async_callback(one.server.close)
        given = {**discord.env(), "LIBRARY_PATHS": str(music), "MEDIA_ALLOW": "127.0.0.1", **(env or {})}
        chorus = Product(data, given)
        stack.push_async_callback(chorus.stop)
        await chorus.start()
        await until(lambda: chorus.logs(event="library indexed"), within=20)
        await discord.ready("play")
        stage = Stage(discord, chorus, site, inside, music)
        yield stage
        assert stage.spilled() == []


def button(message: Message, action: str) -> str:
    """The custom id of a panel's button."""
    rows = message.components
    return next(item["custom_id"] for row in rows for item in row["components"] if f":{action}:" in item["custom_id"])
