"""A node alone in a simulated Discord: rooms with voice, files over HTTP, what arrives and when."""

import itertools
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audio.demo import PIECES, render
from bench.file_host import FileHost
from bench.processes import listener, pinned
from tests import sound
from tests.contract.node_client import NodeAddress, NodeClient, java_lavalink
from tests.contract.node_process import NodeProcess
from tests.simulators.discord.certificates import authority
from tests.simulators.discord.channels import VoiceChannel
from tests.simulators.discord.guilds import Guild
from tests.simulators.discord.listening import Packet
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import until

OTHER_CORE = 1


@dataclass(frozen=True)
class Room:
    """A guild with a voice channel."""

    guild: Guild
    channel: VoiceChannel


@dataclass
class Rig:
    """A client of the node; `folder` is what `host` serves."""

    discord: DiscordSimulator
    node: NodeClient
    pid: int
    folder: Path
    host: FileHost
    log: Path
    numbers: Iterator[int]
    java: bool = False

    @property
    def strains(self) -> int:
        """How often the node began to spend less on encoding because it could not keep up."""
        return 0 if self.java else self.log.read_text().count("engine strained")

    def room(self) -> Room:
        """A new guild."""
        guild = self.discord.guild("Guild")
        return Room(guild, guild.voice_channel("Music"))

    def url(self, name: str) -> str:
        """A file's address, another one each time."""
        return f"{self.host.url}/{name}?{next(self.numbers)}"

    def voice(self, room: Room) -> dict[str, str]:
        """Fresh voice data, as a bot gets them after op 4."""
        self.discord.voice.change(room.guild, "session", {"channel_id": str(room.channel.id)})
        return {
            "token": self.discord.voice.grants[room.guild.id].token,
            "endpoint": self.discord.voice.endpoint,
            "sessionId": "session",
            "channelId": str(room.channel.id),
        }

    async def patch(self, room: Room, **body: Any) -> float:
        """PATCH the room's player; when that was begun."""
        begun = time.monotonic()
        answer = await self.node.patch(room.guild.id, body)
        assert answer.status == 200, answer
        return begun

    async def leave(self, room: Room) -> None:
        """End the player and its voice connection."""
        await self.node.rest("DELETE", self.node.player_path(room.guild.id))
        await until(lambda: not any(c.open for c in self.discord.voice.connections), what="the node has left")
        self.discord.voice.change(room.guild, "session", {"channel_id": None})

    async def first_packet(self, room: Room, since: float) -> float:
        """When the first sound sent after `since` arrived."""
        found = await until(lambda: [p.at for p in audible(room.channel.since(since))], every=0.005, what="sound")
        return found[0]

    async def hush(self, room: Room) -> None:
        """Stop, and wait until nothing comes any more."""
        await self.patch(room, track={"encoded": None})
        await until(lambda: not room.channel.since(time.monotonic() - 0.06), what="silence")


async def against_java(measure: Callable[[Rig], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Figures of our node, each beside that of the Java Lavalink that LAVALINK_URL names, if it names one.

    That one runs on this machine already, trusting the authority of VOICE_CA (docs/nodes.md).
    """
    async with rig() as ours:
        figures = await measure(ours)
    java = java_lavalink()
    if java is None:
        return figures
    async with rig(java) as one:
        theirs = await measure(one)
    return {name: it | {"java": theirs[name]["measured"]} if name in theirs else it for name, it in figures.items()}


@asynccontextmanager
async def rig(java: NodeAddress | None = None) -> AsyncGenerator[Rig]:
    """Our node, or the Java one that runs there.

    The simulator (in this process) and the files keep to one core, so that another is left to it.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address, log = (java, folder) if java else _start(folder, stack)
        stack.enter_context(pinned(OTHER_CORE))
        (folder / "files").mkdir()
        host = stack.enter_context(FileHost(folder / "files"))
        discord = await stack.enter_async_context(DiscordSimulator.start())
        client = await stack.enter_async_context(NodeClient(address, user_id=discord.bot.id))
        await client.connect()
        pid = address.pid or listener(address.url)
        yield Rig(discord, client, pid, folder / "files", host, log, itertools.count(), java=java is not None)


def _start(folder: Path, stack: AsyncExitStack) -> tuple[NodeAddress, Path]:
    """Our node and its log."""
    process = NodeProcess(folder, env={"SSL_CERT_FILE": str(authority().ca_file)})
    stack.callback(process.stop)
    return process.wait_ready(), process.log


def audible(packets: Sequence[Packet]) -> Iterator[Packet]:
    """Those that are not the protocol's frame of silence."""
    return (packet for packet in packets if packet.opus != sound.SILENCE_PACKET)


def write_music(path: Path) -> Path:
    """One of the demo tracks twice, 95 s: for an encoder real music is a third more work than a tone."""
    return sound.write_sound(path, np.tile(render(PIECES[0].score), (2, 1)))


def lateness(packets: Sequence[Packet]) -> list[float]:
    """How late each packet of one sender was by the kernel's clock, in s after its own best-kept schedule."""
    first = packets[0].timestamp
    behind = [p.at - ((p.timestamp - first) % 2**32) / sound.RATE for p in packets]
    best = min(behind)
    return [one - best for one in behind]


def underruns(packets: Sequence[Packet]) -> int:
    """Frames of silence in the middle of music, and frames that never came."""
    silent = sum(packet.opus == sound.SILENCE_PACKET for packet in packets)
    expected = ((packets[-1].timestamp - packets[0].timestamp) % 2**32) // sound.FRAME + 1
    return silent + expected - len(packets)
