import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from lavalink.engine import DECODERS, Engine
from lavalink.opus import SILENCE
from lavalink.pacer import PERIOD, Pacer
from lavalink.sources import Sources
from lavalink.workers import NICENESS, Workers, waiting
from tests import sound
from tests.lavalink.harness import LATE, Desk, Media, studio, until

Studio = tuple[Media, Engine, Sources]


class Marcher:
    def __init__(self) -> None:
        self.times: list[float] = []
        self.fails = False

    def tick(self) -> None:
        self.times.append(time.monotonic())
        if self.fails:
            raise RuntimeError("out of step")


@pytest.fixture
async def pacer() -> AsyncIterator[Pacer]:
    made = Pacer()
    made.start(asyncio.get_running_loop())
    yield made
    made.stop()


async def test_members_are_called_at_once_and_every_20_ms(pacer: Pacer) -> None:
    marchers = [Marcher() for _ in range(30)]
    for marcher in marchers:
        pacer.add(marcher)
        assert len(marcher.times) == 1
        await asyncio.sleep(0.003)
    await asyncio.sleep(0.5)
    for marcher in marchers:
        pacer.discard(marcher)
        distances = np.diff(marcher.times)
        assert abs(np.median(distances) - PERIOD) < 0.001
        span = marcher.times[-1] - marcher.times[0]
        assert abs(len(marcher.times) - 1 - span / PERIOD) <= 1.5
    counts = [len(marcher.times) for marcher in marchers]
    await asyncio.sleep(0.05)
    assert counts == [len(marcher.times) for marcher in marchers]


async def test_a_member_that_fails_stops_nobody(pacer: Pacer) -> None:
    bad, good = Marcher(), Marcher()
    bad.fails = True
    pacer.add(bad)
    pacer.add(good)
    await until(lambda: len(good.times) > 5 and len(bad.times) > 5)


async def test_after_a_long_stall_the_schedule_moves_on(pacer: Pacer) -> None:
    marcher = Marcher()
    pacer.add(marcher)
    await asyncio.sleep(0.05)
    time.sleep(0.3)  # noqa: ASYNC251 (the stall under test)
    count = len(marcher.times)
    await asyncio.sleep(0.1)
    assert len(marcher.times) - count <= 8


def test_jobs_that_wait_hold_up_nobody() -> None:
    workers, gate = Workers(2, "test"), threading.Event()
    done: list[int] = []
    waiting_now = threading.Semaphore(0)

    def wait() -> None:
        with waiting():
            waiting_now.release()
            gate.wait()
        done.append(-1)

    for _ in range(10):
        workers.submit(wait)
    for _ in range(10):
        assert waiting_now.acquire(timeout=2)
    finished = threading.Event()
    workers.submit(lambda: done.append(1))
    workers.submit(finished.set)
    assert finished.wait(2)
    assert 1 in done
    gate.set()
    deadline = time.monotonic() + 2
    while len(done) < 11 or workers.threads > 2:
        workers.submit(lambda: None)
        assert time.monotonic() < deadline
        time.sleep(0.005)
    workers.stop()
    assert workers.threads == 0


def test_a_job_that_fails_ends_no_thread() -> None:
    workers, finished = Workers(1, "test"), threading.Event()

    def fail() -> None:
        raise RuntimeError("a job that fails")

    workers.submit(fail)
    workers.submit(finished.set)
    assert finished.wait(2)
    workers.stop()


def test_a_thread_that_is_about_to_start_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, start, starting = Workers(1, "test"), threading.Thread.start, threading.Event()

    def slowly(thread: threading.Thread) -> None:
        if thread.name == "test":
            starting.set()
            time.sleep(0.05)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", slowly)
    client = threading.Thread(target=workers.submit, args=(lambda: None,))
    client.start()
    assert starting.wait(2)
    workers.stop()
    client.join()
    assert workers.threads == 0


@pytest.mark.heard
async def test_under_load_encoders_spend_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.engine.RELIEF_SECONDS", 1.0)
    async with studio() as (media, engine, sources):
        media.add("long.wav", sound.write_tone(tmp_path / "long.wav", 440, 20.0))
        one = Desk(engine, sources, media)
        await one.play("long.wav")
        await one.hear(20)

        def effort() -> int:
            deck = one.deck
            assert deck is not None
            assert deck._packetizer is not None
            return deck._packetizer._encoder.complexity

        assert effort() == 10
        for _ in range(DECODERS):  # all of them at a time
            engine.decoders.submit(lambda: time.sleep(0.24))
        await until(lambda: effort() == 2)
        await until(lambda: effort() == 5)
        await until(lambda: effort() == 10)
        assert len(one.ear.tones()) == 1
        await one.player.close()


async def worst_lateness(seconds: float) -> float:
    """How late the loop itself was at worst, which is the machine's doing."""
    worst, end = 0.0, time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        await asyncio.sleep(0.005)
        worst = max(worst, time.monotonic() - now - 0.005)
    return worst


@pytest.mark.heard
async def test_blocked_sources_delay_no_playing_player(tmp_path: Path) -> None:
    async with studio() as (media, engine, sources):
        long = sound.write_tone(tmp_path / "long.mp3", 440, 60.0)
        good = media.add("long.mp3", long)
        for number in range(8):  # each kind of trouble twice
            media.add(f"mute{number}", good.body, stall_after=0)
            media.add(f"stalls{number}", good.body, stall_after=40_000 + number)
            media.add(f"drips{number}", good.body, pace=0.4)
            media.add(f"drops{number}", good.body, drop_after=[20_000] * 50)
        desks = [Desk(engine, sources, media, guild) for guild in range(40)]
        playing = desks[:8]
        for desk in playing:
            await desk.play("long.mp3")
        await until(lambda: all(desk.ear.heard(440) for desk in playing))
        track = await playing[0].track("long.mp3")
        for number in range(8):
            for kind, desk in zip(("mute", "stalls", "drips", "drops"), desks[8 + 4 * number :], strict=False):
                info = track.info.model_copy(update={"identifier": media.url(f"{kind}{number}")})
                desk.patch(track=track.model_copy(update={"encoded": kind, "info": info}))
        for desk in playing:
            desk.ear.forget()
        stall = await worst_lateness(3)
        assert stall < 1, "the machine was too busy, or the loop was blocked"
        await playing[0].play("long.mp3")  # a new start is not held up either
        await until(lambda: ("TrackStart", "long.mp3") in playing[0].events())
        for desk in playing:
            assert max(np.diff(desk.ear.times)) < LATE + stall
            assert abs(len(desk.ear.times) - 150) <= 4 + 50 * stall
            assert desk.ear.packets.count(SILENCE) <= 5  # none on a machine that has time
            assert max(tone.length for tone in sound.tones(desk.ear.packets)) > 1
        closing = time.monotonic()
        for desk in desks:
            await desk.player.close()
        await asyncio.to_thread(engine.openers.stop)
        await asyncio.to_thread(engine.decoders.stop)
        assert time.monotonic() - closing < 2
        assert engine.openers.threads == engine.decoders.threads == 0


@pytest.mark.heard
async def test_untouched_packets_are_read_ten_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio() as (media, engine, sources):
        media.add("long.opus", sound.write_tone(tmp_path / "long.opus", 440, 5.0))
        desk, jobs, submit = Desk(engine, sources, media), list[object](), engine.decoders.submit

        def counted(job: Callable[[], None]) -> None:
            jobs.append(job)
            submit(job)

        monkeypatch.setattr(engine.decoders, "submit", counted)
        await desk.play("long.opus")
        await desk.hear(100)
        assert len(jobs) <= 13
        await desk.player.close()


NICENESS_OF_A_WORKER = """
import os, queue, threading
from lavalink.workers import Workers
found = queue.SimpleQueue()
Workers(1, "test").submit(lambda: found.put(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
print(found.get(timeout=5))
"""


def test_workers_are_a_little_nicer_than_their_process_and_no_more() -> None:
    """Else, in a process that was made less nice, they would starve with the interpreter's lock in their hands."""
    command = ["nice", "-n", "7", sys.executable, "-c", NICENESS_OF_A_WORKER]
    child = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert int(child.stdout) == 7 + NICENESS
