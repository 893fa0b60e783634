"""From the slash command to the first audible RTP packet: Chorus and a bare bot, by turns, with the same file.

Both have a simulated Discord and a built-in node of their own, on the same machine at the same time.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import judged, percentile, spread
from bench.file_host import FileHost
from bench.product import in_discord, scratch, write_tones
from bench.rig import audible
from tests import sound
from tests.contract.node_process import NodeProcess
from tests.e2e.world import World
from tests.simulators.discord.certificates import authority
from tests.simulators.discord.channels import TextChannel, VoiceChannel
from tests.simulators.discord.members import Member
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import until

PLAYS = 40
JOINS = 20


class Contestant:
    """A bot whose /play is timed; `end` is the command after which it stays in the channel, silent."""

    def __init__(self, member: Member, text: TextChannel, music: VoiceChannel, query: str) -> None:
        self._member, self._text, self._music, self._query = member, text, music, query

    async def play(self) -> float:
        """Seconds from /play to the first packet with sound in it; then it is skipped."""
        sent = time.monotonic()
        reply = asyncio.create_task(self._member.slash("play", in_=self._text, query=self._query, within=10))
        [heard] = await until(lambda: _first_sound(self._music, sent), every=0.01, what="sound")
        await reply
        await self._command("skip")
        return heard - sent

    async def leave(self) -> None:
        """Out of the voice channel, so that the next /play has to join."""
        await self._command("leave")
        await until(lambda: self._music.bot_session is None, what="the bot has left")

    async def _command(self, name: str) -> None:
        await self._member.slash(name, in_=self._text)
        await until(lambda: not self._music.since(time.monotonic() - 0.1), what="silence")


def _first_sound(music: VoiceChannel, since: float) -> list[float]:
    """When it arrived, if it is there."""
    packets = list(audible(music.since(since)))[:1]
    loud = packets and sound.level(sound.decode(packet.opus for packet in packets)) > sound.SILENCE_DB
    return [packets[0].at] if loud else []


async def run() -> dict[str, Any]:
    """Median and p99 of both, by turns."""
    with scratch() as folder:
        music = write_tones(folder / "music")
        async with in_discord(music) as stage, bare(music) as other:
            ours = _contestant(await stage.guild("Testers", "Ann"))
            return {
                "voice_up": await compare(ours, other, PLAYS, Contestant.play),
                "with_handshake": await compare(ours, other, JOINS, joining),
            }


async def joining(one: Contestant) -> float:
    """A /play that has to join first."""
    await one.leave()
    return await one.play()


async def compare(
    ours: Contestant, other: Contestant, times: int, timed: Callable[[Contestant], Awaitable[float]]
) -> dict[str, Any]:
    """Both by turns, after a first time that does not count; the bar is the other's plus 10 ms, and 40 ms at p99."""
    for one in (ours, other):
        await one.play()
    pairs = [(await timed(ours), await timed(other)) for _ in range(times)]
    mine, theirs = ([pair[which] * 1000 for pair in pairs] for which in (0, 1))
    return {
        "median_ms": judged(median(mine), median(theirs) + 10),
        "p99_ms": judged(percentile(mine, 0.99), percentile(theirs, 0.99) + 40),
        "chorus": spread([one / 1000 for one in mine]),
        "bare_bot": spread([one / 1000 for one in theirs]),
        "plays": times,
    }


def _contestant(world: World) -> Contestant:
    return Contestant(world.people[0], world.text, world.music, "Tone")


@asynccontextmanager
async def bare(music: Path) -> AsyncGenerator[Contestant]:
    """The bare bot in a Discord and on a node of its own, fed over HTTP."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(scratch())
        process = NodeProcess(folder, env={"SSL_CERT_FILE": str(authority().ca_file)})
        stack.callback(process.stop)
        address = process.wait_ready()
        host = stack.enter_context(FileHost(music))
        discord = await stack.enter_async_context(DiscordSimulator.start())
        guild = discord.guild("Bare")
        channel, text, member = guild.voice_channel("Music"), guild.text_channel("chat"), guild.member("Ann")
        await member.join(channel)
        env = {**discord.env(), "LAVALINK_URL": address.url, "LAVALINK_PASSWORD": address.password}
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.bare_bot"), env=env, stderr=subprocess.DEVNULL
        )
        stack.push_async_callback(_end, child)
        await discord.ready("play")
        yield Contestant(member, text, channel, f"{host.url}/Tone.wav")


async def _end(child: asyncio.subprocess.Process) -> None:
    child.terminate()
    await child.wait()
