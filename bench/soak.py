"""`make soak`: fifty rooms on one node, random commands, for an hour; what leaks, sticks or comes late is counted.

A packet is late when it comes more than 40 ms after it was due. It is the machine's doing when, in that moment, a bare
sleeper (one on each of the node's cores, which sleeps for 20 ms at a time) was late by half as much; or the kernel kept
the node's loop, or another of its threads, which may have had the interpreter's lock, waiting for a core for half as
long (`run_delay`, as the first sleeper reads it; of the threads, which make packets ready 280 ms ahead, that time
counts too). The report tells these apart.

The host of a virtual machine takes cores away for some ms at a time, of which a sleeper notices little; the kernel
counts it (`steal` of /proc/stat, in ticks of 10 ms). That is the cause if all cores together were away for half of the
time from when the packet was to be made, 280 ms before it was due, until it came: together, as whoever has the lock may
be on any of them. How many packets were late when how much was taken (`late_by_share_taken`) shows whether that is so.

Beside other work it wants priority. Where Linux groups processes by session (`sched_autogroup_enabled`), niceness
counts within a session only: `setsid sh -c 'echo -19 > /proc/self/autogroup; exec nice -n -15 make soak'`, as root.
"""

import asyncio
import json
import os
import random
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.figures import judged, machine
from bench.processes import memory
from bench.rig import Rig, rig
from bench.soak_room import FILES, LENGTH, Late, SoakRoom
from tests import sound
from tests.waiting import until

ROOMS = 50
MINUTES = 60.0
SEED = 4242
LATE = 0.040
EVERY = 6.0
"""Seconds between two commands to a room, on average."""
HELD_BACK = 2.0
"""Seconds after which all that explains a pause is known."""
RING = 0.28
"""Seconds that a node has made ready: a thread that waits for a core makes packets late so much later."""
APART = 0.25
STUCK = 3.0
SAMPLE = 5.0
REPORT = Path(__file__).parent / "reports" / "soak.json"
SLEEPER = """
import os, sys, time
pid, core = sys.argv[1:]
os.sched_setaffinity(0, {int(core)})
def stolen():
    with open("/proc/stat") as stat:
        return next(int(line.split()[8]) for line in stat if line.startswith(f"cpu{core} ")) / 100
def delays():
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task") if pid else ():
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
                found[thread] = int(stat.read().split()[1])
        except OSError:
            pass
    return found
due, known, before = time.monotonic(), delays(), stolen()
while True:
    due += 0.02
    time.sleep(max(0.0, due - time.monotonic()))
    now, found, taken = time.monotonic(), delays(), stolen()
    grown = {thread: delay - known.get(thread, delay) for thread, delay in found.items()}
    loop, others = grown.pop(pid, 0) / 1e9, max(grown.values(), default=0) / 1e9
    if max(now - due, loop, others) > 0.01 or taken > before:
        print(now, now - due, loop, others, taken - before, flush=True)
    due, known, before = max(due, now - 0.01), found, taken
"""


class Wait(NamedTuple):
    """At a time (monotonic s): how late a sleeper was, how long the node's threads had to wait, a core was away."""

    at: float
    slept: float
    loop: float
    others: float
    stolen: float


class Soak:
    """A run over these rooms."""

    def __init__(self, one: Rig, rooms: int) -> None:
        dice = random.Random(SEED)
        self.counts: dict[str, int] = {}
        self.rooms = [SoakRoom(one, one.room(), random.Random(dice.random()), self.counts) for _ in range(rooms)]
        self.events: dict[str, int] = {}
        self.late: list[Late] = []
        self.machine: list[Wait] = []
        self.stuck: list[str] = []
        self.memory: list[float] = []
        self._one = one
        self._dice = dice
        self._by_guild = {str(room.room.guild.id): room for room in self.rooms}
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """All rooms play; a few begin at a time."""
        turns = asyncio.Semaphore(4)

        async def start(room: SoakRoom) -> None:
            async with turns:
                await room.play()

        await asyncio.gather(*map(start, self.rooms))
        await until(lambda: all(room.room.channel.packets for room in self.rooms), within=60, what="all are heard")

    async def end(self) -> None:
        """No room is left."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(room.leave() for room in self.rooms))
        connections = self._one.discord.voice.connections
        await until(lambda: not any(connection.open for connection in connections), within=30, what="all have left")
        connections.clear()

    async def run(self, seconds: float) -> None:
        """Commands for so long."""
        end, sampled = time.monotonic() + seconds, 0.0
        async with AsyncExitStack() as stack:
            for number, core in enumerate(sorted(os.sched_getaffinity(self._one.pid), reverse=True)):
                await stack.enter_async_context(_sleeper("" if number else f"{self._one.pid}", core, self.machine))
            while (now := time.monotonic()) < end:
                self._spawn(self._dice.choice(self.rooms))
                self._take_events()
                if now - sampled > SAMPLE:
                    sampled = now
                    self._look(now)
                await asyncio.sleep(self._dice.expovariate(len(self.rooms) / EVERY))
            await asyncio.sleep(HELD_BACK)
            self._look(time.monotonic())

    def _spawn(self, room: SoakRoom, *, again: bool = False) -> None:
        task = asyncio.create_task(room.play() if again else room.command())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stuck.append(repr(error))

    def _take_events(self) -> None:
        messages, self._one.node.messages[:] = list(self._one.node.messages), []
        for message in messages:
            if message["op"] != "event":
                continue
            kind = f"{message['type']} {message.get('reason', '')}".strip()
            self.events[kind] = self.events.get(kind, 0) + 1
            if message["type"] == "TrackEndEvent" and message["reason"] in {"finished", "loadFailed"}:
                room = self._by_guild[message["guildId"]]
                room.quiet.append((time.monotonic() - 1.0, time.monotonic() + HELD_BACK))
                self._spawn(room, again=True)

    def _look(self, now: float) -> None:
        self.memory.append(memory(self._one.pid))
        for number, room in enumerate(self.rooms):
            self.late += [it for it in room.listen(now - HELD_BACK) if it.by > LATE]
            heard = room.room.channel.packets[-1].at if room.room.channel.packets else room.last
            if room.due and now - heard > STUCK and not room.lock.locked():
                self.stuck.append(f"room {number} at {now:.1f} for {now - heard:.1f} s")

    def causes(self) -> list[str]:
        """For each late packet what made it so."""
        return [cause(it, self.machine) for it in self.late]


def cause(late: Late, waits: list[Wait]) -> str:
    """What of the machine made a packet late: `sleeper`, `loop`, `thread` or `stolen`; else it was the `node`."""
    near = [wait for wait in waits if late.at - late.by - 0.05 < wait.at < late.at + 0.05]
    before = [wait for wait in waits if late.at - late.by - RING < wait.at < late.at + 0.05]
    long = (late.by + RING) / 2
    kept = {
        "sleeper": max((it.slept for it in near), default=0.0) > late.by / 2,
        "loop": sum(it.loop for it in near) > late.by / 2,
        "thread": sum(it.others for it in near) > late.by / 2 or sum(it.others for it in before) > long,
        "stolen": sum(it.stolen for it in before) > long,
    }
    return next((name for name, enough in kept.items() if enough), "node")


def by_share(late: list[Late], waits: list[Wait]) -> dict[str, dict[str, float]]:
    """For each tenth of the cores that was taken away within 400 ms: for how many s in all, and how many were late."""
    waits = sorted(waits)
    times, sums = [it.at for it in waits], [0.0, *accumulate(it.stolen for it in waits)]
    cores = os.cpu_count() or 1

    def tenth(at: float) -> int:
        taken = sums[bisect_right(times, at + 0.05)] - sums[bisect_right(times, at - 0.35)]
        return int(taken / 0.4 / cores * 10)

    steps = range(int((times[-1] - times[0]) / 0.1)) if times else ()
    seconds, packets = Counter(tenth(times[0] + it * 0.1) for it in steps), Counter(tenth(it.at) for it in late)
    return {
        f"{tenths * 10} to {tenths * 10 + 10} %": {"seconds": round(seconds[tenths] / 10), "late": packets[tenths]}
        for tenths in sorted(seconds | packets)
    }


def moments(late: list[Late], causes: list[str]) -> list[dict[str, Any]]:
    """The first 20 moments in which packets came late by the node's fault."""
    found: list[list[Late]] = []
    blamed = [it for it, name in zip(late, causes, strict=True) if name == "node"]
    for it in sorted(blamed, key=lambda it: it.at):
        if not found or it.at - found[-1][-1].at > APART:
            found.append([])
        found[-1].append(it)
    return [
        {"packets": len(them), "rooms": len({it.room for it in them}), "worst_ms": worst(them)} for them in found[:20]
    ]


@asynccontextmanager
async def _sleeper(pid: str, core: int, waits: list[Wait]) -> AsyncGenerator[None]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SLEEPER, pid, str(core)), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    reader = asyncio.create_task(_note(child.stdout, waits))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await asyncio.gather(child.wait(), reader)


async def _note(stream: asyncio.StreamReader, waits: list[Wait]) -> None:
    while line := await stream.readline():
        waits.append(Wait(*map(float, line.split())))


def held(pid: int) -> dict[str, int]:
    """Threads, open files and sockets of a process."""
    process = Path(f"/proc/{pid}")
    found = {"threads": sum(1 for _ in (process / "task").iterdir()), "files": 0, "sockets": 0}
    for descriptor in (process / "fd").iterdir():
        with suppress(OSError):
            found["sockets" if str(descriptor.readlink()).startswith("socket:") else "files"] += 1
    return found


async def run(minutes: float = MINUTES, rooms: int = ROOMS) -> dict[str, Any]:
    """The figures of one run."""
    async with rig() as one:
        for name in FILES:
            await asyncio.to_thread(sound.write_tone, one.folder / name, 440, LENGTH)
        before = await rested(one, rooms)
        soak = Soak(one, rooms)
        await soak.begin()
        await soak.run(minutes * 60)
        await soak.end()
        after: dict[str, int] = {}

        def released() -> bool:
            after.update(held(one.pid))
            return all(after[kind] <= before[kind] for kind in before)

        with suppress(AssertionError):
            await until(released, within=40, every=0.5)
        return figures(soak, minutes, before, after, one.log.read_text())


async def rested(one: Rig, rooms: int) -> dict[str, int]:
    """What the node holds once it has played and nobody is there any more."""
    first = Soak(one, rooms)
    await first.begin()
    await first.end()
    await asyncio.sleep(35)  # connections that are kept for a while are closed by then
    return held(one.pid)


def figures(soak: Soak, minutes: float, before: dict[str, int], after: dict[str, int], log: str) -> dict[str, Any]:
    """The report."""
    quarter = max(1, len(soak.memory) // 4)
    early, last = median(soak.memory[quarter : 2 * quarter] or soak.memory), median(soak.memory[-quarter:])
    causes, refused = soak.causes(), [text for room in soak.rooms for text in room.refused]
    blamed = [it for it, name in zip(soak.late, causes, strict=True) if name == "node"]
    return {
        "minutes": minutes,
        "rooms": len(soak.rooms),
        "packets": sum(room.packets for room in soak.rooms),
        "commands": soak.counts,
        "events": soak.events,
        "memory_growth_mb": judged(last - early, max(8.0, early * 0.05), from_mb=round(early, 1), to_mb=round(last, 1)),
        "memory_mb": [round(it) for it in soak.memory[:: max(1, len(soak.memory) // 24)]],
        "late_by_the_node": judged(len(blamed), 0, worst_ms=worst(blamed), moments=moments(soak.late, causes)),
        "late_by_the_machine": {
            **{name: causes.count(name) for name in ("sleeper", "loop", "thread", "stolen")},
            "worst_ms": worst([it for it, name in zip(soak.late, causes, strict=True) if name != "node"]),
        },
        "late_by_share_taken": by_share(soak.late, soak.machine),
        "bare_sleepers": {
            "late_over_10_ms": sum(it.slept > 0.01 for it in soak.machine),
            "worst_ms": round(max((it.slept for it in soak.machine), default=0.0) * 1000, 1),
            "loop_kept_waiting_s": round(sum(it.loop for it in soak.machine), 1),
            "cores_taken_away_s": round(sum(it.stolen for it in soak.machine), 1),
        },
        "stuck": judged(len(soak.stuck), 0, which=soak.stuck[:5]),
        "refused": judged(len(refused), 0, which=refused[:5]),
        "leaked": judged(sum(max(0, after[kind] - before[kind]) for kind in before), 0, before=before, after=after),
        "tracebacks": judged(log.count("Traceback"), 0, strained=log.count("engine strained")),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def worst(late: list[Late]) -> float:
    """The largest of them, in ms."""
    return round(max((it.by for it in late), default=0.0) * 1000, 1)


def main() -> int:
    """Runs, writes the report, and tells whether all was well."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    report = {"machine": machine(), **asyncio.run(run(minutes))}
    text = json.dumps(report, indent=2)
    REPORT.write_text(text + "\n", "utf-8")
    print(text)
    return 0 if all(it["ok"] for it in report.values() if isinstance(it, dict) and "ok" in it) else 1


if __name__ == "__main__":
    sys.exit(main())
