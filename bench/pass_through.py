"""Opus files played untouched: CPU of each room, lateness and underruns at 400 rooms with voice on one node.

The simulator takes 20,000 packets a second; it decrypts them on the other core. What the system alone takes for as many
packets of that size, by a bare process with as many sockets, is measured in the same run.
"""

import asyncio
import socket
import sys
from typing import Any

from bench.node import measured
from bench.processes import cpu_share
from bench.rig import Rig, against_java, write_music

ROOMS = 400
JAVA_ROOMS = 100
"""More than one core of theirs would be needed for 400."""
SENDER = """
import socket, sys, time
rooms, port, packet = int(sys.argv[1]), int(sys.argv[2]), bytes(250)
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(rooms)]
for each in sockets:
    each.connect(("127.0.0.1", port))
due = time.monotonic()
while True:
    for each in sockets:
        each.send(packet)
    due += 0.02
    time.sleep(max(0.0, due - time.monotonic()))
"""


async def run() -> dict[str, Any]:
    """All figures."""
    return await against_java(rows)


async def rows(one: Rig) -> dict[str, Any]:
    """The figures of one node."""
    await asyncio.to_thread(write_music, one.folder / "music.opus")
    rooms = [one.room() for _ in range(JAVA_ROOMS if one.java else ROOMS)]
    alone = await sending_alone()
    figures = await measured(one, rooms, "music.opus", cpu_bar=0.08)
    share = figures["music.opus cpu_per_room_percent"]["measured"]
    beside = {"measured": round(share / alone, 2), "sending_alone_percent": round(alone, 4)}
    return figures | {"music.opus cpu_to_sending": beside}


async def sending_alone() -> float:
    """The percentage of a core that sending a room's packets takes by itself, on this machine now."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.setblocking(False)
        sink.bind(("127.0.0.1", 0))
        loop.add_reader(sink, _drain, sink)
        arguments = (sys.executable, "-c", SENDER, str(ROOMS), str(sink.getsockname()[1]))
        child = await asyncio.create_subprocess_exec(*arguments)
        try:
            await asyncio.sleep(1.0)
            return await cpu_share([child.pid], times=3) / ROOMS
        finally:
            loop.remove_reader(sink)
            child.kill()
            await child.wait()


def _drain(sink: socket.socket) -> None:
    try:
        while True:
            sink.recv(2048)
    except BlockingIOError:
        return
