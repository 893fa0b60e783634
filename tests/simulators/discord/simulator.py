"""The simulator as a whole: its servers, its world, its failures."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from tests.simulators.discord.attachments import Attachment, content_type
from tests.simulators.discord.certificates import authority
from tests.simulators.discord.direct import Direct
from tests.simulators.discord.errors import NotAnsweredError
from tests.simulators.discord.faults import Faults
from tests.simulators.discord.gateway import Gateway
from tests.simulators.discord.guilds import Guild
from tests.simulators.discord.ids import bot_token, snowflake
from tests.simulators.discord.intents import GUILD_MESSAGES
from tests.simulators.discord.invocations import Interactions
from tests.simulators.discord.members import User
from tests.simulators.discord.messages import Message
from tests.simulators.discord.premium import Premium
from tests.simulators.discord.rest import Request, Rest
from tests.simulators.discord.voice import MODES, VoiceServer

if TYPE_CHECKING:
    from tests.simulators.discord.bodies import Json


class DiscordSimulator:
    """One application's view of Discord. Make it by `start()`."""

    def __init__(self, *, modes: tuple[str, ...], dave: int, shards: int, privileged_intents: int) -> None:
        self.application_id = snowflake()
        self.bot = User("Chorus", id=self.application_id, bot=True)
        self.token = bot_token(self.bot.id)
        self.shards = shards
        self.privileged_intents = privileged_intents
        self.failures: list[str] = []
        self.requests: list[Request] = []
        self.commands: list[Json] = []
        self.guilds: dict[int, Guild] = {}
        self.attachments: dict[str, Attachment] = {}
        self.faults = Faults()
        self.premium = Premium(self)
        self.direct = Direct(self)
        self.gateway = Gateway(self)
        self.interactions = Interactions(self)
        self.voice = VoiceServer(self, modes, dave)
        self.origin = ""

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        modes: tuple[str, ...] = MODES,
        dave: int = 0,
        shards: int = 1,
        privileged_intents: int = 0,
        port: int = 0,
    ) -> AsyncGenerator["DiscordSimulator"]:
        """Serve until the block ends; then AssertionError if the client under test made a mistake.

        modes: the voice encryption offered, in order; dave: the channels' highest DAVE version (0 or 1);
        shards: what GET /gateway/bot recommends; privileged_intents: those that the application may use.
        """
        discord = cls(modes=modes, dave=dave, shards=shards, privileged_intents=privileged_intents)
        runner = web.AppRunner(Rest(discord).app(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        discord.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        await discord.voice.start()
        try:
            yield discord
        finally:
            await discord.gateway.stop()
            await discord.voice.stop()
            await runner.cleanup()
        discord.check()

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"{self.origin.replace('http', 'ws', 1)}/gateway/"

    @property
    def ca_file(self) -> Path:
        return authority().ca_file

    def env(self) -> dict[str, str]:
        """The environment that points the product here."""
        return {
            "DISCORD_TOKEN": self.token,
            "DISCORD_API_URL": self.api_url,
            "SSL_CERT_FILE": str(self.ca_file),
        }

    def guild(self, name: str) -> Guild:
        """A new guild that the bot is in."""
        guild = Guild(self, name)
        self.guilds[guild.id] = guild
        self.gateway.announce(guild)
        return guild

    def upload(self, file: Path | str, data: bytes | None = None, *, channel_id: int = 0) -> Attachment:
        """Put a file on the CDN: a path, or a name with its bytes."""
        path = Path(file)
        blob = path.read_bytes() if data is None else data
        attachment = Attachment(path.name, blob, content_type(path.name), self.origin, channel_id or snowflake())
        self.attachments[attachment.path] = attachment
        return attachment

    def tell_message(self, event: str, message: Message) -> None:
        """Tell the sessions that see messages of one made or edited."""
        guild = message.channel.guild
        payload = message.payload | {"guild_id": str(guild.id)}
        self.gateway.dispatch(guild, event, payload, GUILD_MESSAGES)

    def delete_message(self, message: Message) -> None:
        """Delete a message for everybody."""
        message.deleted = True
        channel = message.channel
        gone = {"id": str(message.id), "channel_id": str(channel.id), "guild_id": str(channel.guild.id)}
        self.gateway.dispatch(channel.guild, "MESSAGE_DELETE", gone, GUILD_MESSAGES)

    def fail(self, what: str) -> None:
        """Note a mistake of the client under test."""
        self.failures.append(what)

    def check(self) -> None:
        """Raise AssertionError if the client under test made a mistake so far."""
        if self.failures:
            raise AssertionError("mistakes of the client:\n" + "\n".join(self.failures))

    def requested(self, method: str, path_part: str = "") -> list[Request]:
        """The requests so far with that method, whose path holds `path_part`."""
        return [r for r in self.requests if r.method == method and path_part in r.path]

    async def ready(self, *commands: str, within: float = 10.0) -> None:
        """Wait until the bot is connected, and has registered these commands (or any, if none is named)."""

        def registered() -> bool:
            everything = [*self.commands, *(c for guild in self.guilds.values() for c in guild.commands)]
            return {c["name"] for c in everything} >= set(commands) if commands else bool(everything)

        await self.until(lambda: bool(self.gateway.live) and registered(), within=within, what="the bot to be ready")

    async def connected(self, *, within: float = 10.0) -> None:
        """Wait until the bot has a gateway session."""
        await self.until(lambda: bool(self.gateway.live), within=within, what="a gateway session")

    async def until(self, condition: Callable[[], object], *, within: float = 5.0, what: str = "") -> None:
        """Wait until the condition holds. Raises NotAnsweredError."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise NotAnsweredError(f"waited {within} s for {what or 'a condition'}")
            await asyncio.sleep(0.005)
