"""How long a voice channel is silent when a node dies or freezes, and what a killed and restarted bot costs."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bench.figures import judged
from bench.product import in_discord, scratch, write_tones
from bench.rig import audible
from tests.contract.node_process import NodeProcess
from tests.e2e.world import World
from tests.simulators.discord.certificates import authority
from tests.waiting import until

if TYPE_CHECKING:
    from tests.simulators.discord.interactions import Interaction

HZ = 440.0


async def run() -> dict[str, Any]:
    """All figures, one of each: every one starts a product of its own."""
    return {
        "killed_alone_s": await silence(signal.SIGKILL, bar=3.0),
        "killed_second_s": await silence(signal.SIGKILL, bar=1.5, second=True),
        "frozen_second_s": await silence(signal.SIGSTOP, bar=6.0, second=True),
        "frozen_alone_s": await silence(signal.SIGSTOP, bar=9.0),
        **await restarted(),
    }


@asynccontextmanager
async def playing(*, second: bool = False) -> AsyncGenerator[tuple[World, int]]:
    """A tone is heard; with another node beside the built-in one or without. The process that plays it."""
    with scratch() as folder:
        music = write_tones(folder / "music")
        warm = NodeProcess(folder, env={"SSL_CERT_FILE": str(authority().ca_file)}) if second else None
        try:
            env = {}
            if warm is not None:
                address = warm.wait_ready()
                env = {"LAVALINK_NODES": f"builtin second={address.url.replace('//', f'//:{address.password}@')}"}
            async with in_discord(music, **env) as stage:
                world = await stage.guild("Testers", "Ann")
                await world.play(world.people[0], "Tone")
                await world.play(world.people[0], "Other")
                await world.music.heard(HZ, seconds=1)
                elsewhere = warm is not None and "first packet" in warm.log.read_text()
                yield world, warm.process.pid if warm is not None and elsewhere else stage.chorus.node_pid
        finally:
            if warm is not None:
                warm.process.kill()
                warm.process.wait()


async def silence(number: signal.Signals, *, bar: float, second: bool = False) -> dict[str, Any]:
    """The longest pause in the sound after the node that plays got this signal."""
    async with playing(second=second) as (world, node):
        begun, former = time.monotonic(), world.music.packets[-1].ssrc
        os.kill(node, number)
        await until(lambda: world.music.packets[-1].ssrc != former, within=15, what="another node is heard")
        await asyncio.sleep(1.0)
        return judged(_gap(world, begun), bar)


def _gap(world: World, since: float) -> float:
    times = [packet.at for packet in audible(world.music.since(since - 0.1))]
    return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


async def restarted() -> dict[str, Any]:
    """The bot is killed by -9 and started again; its node plays on."""
    async with playing() as (world, _):
        begun, connections = time.monotonic(), len(world.discord.voice.connections)
        await world.chorus.kill()
        await asyncio.sleep(1.0)
        started = time.monotonic()
        await world.chorus.start(ready=False)
        back = await answered(world)
        await asyncio.sleep(1.0)
        fresh = len(world.discord.voice.connections) - connections
        packets = list(audible(world.music.since(begun)))
        lost = round((packets[-1].at - packets[0].at) * 50) + 1 - len(packets)
        return {
            "restart_frames_lost": judged(lost, 5 if fresh else 0, new_voice_sessions=fresh),
            "controls_back_s": judged(back - started, 3.0),
        }


async def answered(world: World) -> float:
    """When a command is answered again."""
    asked: list[Interaction] = []

    def ask() -> list[float]:
        done = [one.finished for one in asked if one.finished]
        if not done and (not asked or time.monotonic() - asked[-1].sent > 0.1):
            asked.append(world.discord.interactions.slash(world.people[0], "queue", world.text, {}))
        return done

    return (await until(ask, within=20, every=0.01, what="an answer"))[0]
