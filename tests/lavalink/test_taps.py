import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, cast

import av
import numpy as np
import pytest

from lavalink.engine import Engine
from lavalink.protocol import StreamTap, Tap
from lavalink.pushes import Pushes
from lavalink.taps import UNSENT, State, TapQueue, Taps
from tests import sound
from tests.lavalink.harness import Desk, desk, until


def tap(tap_id: str, wanted: Literal["opus", "mp3", "aac"] = "opus") -> Tap:
    return StreamTap(id=tap_id, type="stream", format=wanted)


def packets(data: bytes) -> list[bytes]:
    found: list[bytes] = []
    while data:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


@pytest.fixture
def reports() -> list[tuple[str, State]]:
    return []


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine()
    await made.start()
    yield made
    await made.stop()


async def no_picture(_address: str) -> None:
    return None


@pytest.fixture
def taps(reports: list[tuple[str, State]], engine: Engine) -> Taps:
    pushes = Pushes(lambda _id, _state, _reason: None, no_picture)
    made = Taps(lambda tap_id, state: reports.append((tap_id, state)), engine, pushes)
    made.set([tap("a")])
    return made


def reader(taps: Taps, tap_id: str = "a") -> TapQueue:
    made = taps.read(tap_id)
    assert made is not None
    return made


async def test_a_reader_gets_framed_packets(taps: Taps) -> None:
    queue = reader(taps)
    taps.put(b"one")
    taps.put(b"three")
    assert packets(await anext(queue)) == [b"one", b"three"]
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    taps.put(b"x")
    assert packets(await waiting) == [b"x"]


async def test_there_is_no_unknown_tap(taps: Taps) -> None:
    assert taps.read("b") is None


async def test_a_second_reader_replaces_the_first(taps: Taps, reports: list[tuple[str, State]]) -> None:
    first = reader(taps)
    second = reader(taps)
    taps.put(b"x")
    assert [data async for data in first] == []
    assert packets(await anext(second)) == [b"x"]
    second.close()
    assert reports == [("a", "opened"), ("a", "closed"), ("a", "opened"), ("a", "closed")]


async def test_a_tap_that_is_listed_no_more_ends(taps: Taps, reports: list[tuple[str, State]]) -> None:
    queue = reader(taps)
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    taps.set([tap("b")])
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert [one.id for one in taps.listed] == ["b"]
    assert reports[-1] == ("a", "closed")
    assert taps.read("a") is None


async def test_a_lagging_reader_is_dropped(taps: Taps, reports: list[tuple[str, State]]) -> None:
    queue = reader(taps)
    aborted: list[bool] = []
    queue.when_dropped(lambda: aborted.append(True))
    for _ in range(UNSENT // 1000 + 1):
        taps.put(b"x" * 1000)
    assert aborted == [True]
    assert [data async for data in queue] == []
    assert reports[-1] == ("a", "dropped")
    queue.close()
    assert reports[-1] == ("a", "dropped")


@pytest.mark.parametrize(("recent", "first"), [(0, 300), (40, 298), (2500, 175), (99_999, 175)])
async def test_a_reader_may_begin_with_what_was_just_sent(taps: Taps, recent: int, first: int) -> None:
    for number in range(300):
        taps.put(number.to_bytes(2, "big"))
    queue = taps.read("a", recent=recent)
    assert queue is not None
    taps.put((300).to_bytes(2, "big"))
    heard = [int.from_bytes(packet, "big") for packet in packets(await anext(queue))]
    assert heard == list(range(first, 301))


async def test_what_was_sent_before_a_silence_is_past(taps: Taps) -> None:
    taps.put(b"old")
    taps.forget()
    queue = taps.read("a", recent=2500)
    assert queue is not None
    taps.put(b"new")
    assert packets(await anext(queue)) == [b"new"]


def frames_tone(data: bytes, wanted: str) -> list[sound.Tone]:
    """What FFmpeg hears in plain MP3 or ADTS frames."""
    with av.open(io.BytesIO(data), format={"mp3": "mp3", "aac": "aac"}[wanted]) as container:
        decoded = [frame.to_ndarray() for frame in cast("Any", container).decode(audio=0)]
    return sound.tones_in(np.concatenate(decoded, axis=1).T)


@pytest.mark.parametrize(("wanted", "ms"), [("mp3", 24), ("aac", 1024 / 48)])
async def test_a_reader_may_have_frames_of_another_format(taps: Taps, wanted: Literal["mp3", "aac"], ms: float) -> None:
    heard = sound.opus_packets(sound.tone(440, 2.0))
    taps.set([tap("a", wanted), tap("b", wanted), tap("c")])
    for packet in heard[:50]:
        taps.put(packet)
    first, second = taps.read("a", recent=1000), reader(taps, "b")
    assert first is not None
    for packet in heard[50:]:
        taps.put(packet)
    taps.forget()
    got, other = list[bytes](), list[bytes]()

    async def read(queue: TapQueue, into: list[bytes]) -> None:
        async for data in queue:
            into.extend(packets(data))

    reading = [asyncio.create_task(read(first, got)), asyncio.create_task(read(second, other))]
    await until(lambda: len(got) >= 1950 / ms)
    for task in reading:
        task.cancel()
    assert other == got[-len(other) :], "both read the same encoder"
    tones = frames_tone(b"".join(got), wanted)
    assert [round(one.hz / 10) for one in tones] == [44]
    assert tones[0].length == pytest.approx(1.9, abs=0.12)
    assert len(b"".join(got)) * 8 / 2 == pytest.approx(128_000, rel=0.2)


async def test_an_encoder_works_only_while_somebody_reads(taps: Taps, engine: Engine) -> None:
    taps.set([tap("a", "mp3")])
    for packet in sound.opus_packets(sound.tone(440, 0.5)):
        taps.put(packet)
    assert engine.encoders.threads == 0
    queue = reader(taps)
    for packet in sound.opus_packets(sound.tone(440, 0.5)):
        taps.put(packet)
    assert packets(await anext(queue))
    queue.close()
    sent: list[Any] = []
    engine.encoders.submit = sent.append  # pyright: ignore[reportAttributeAccessIssue] - a spy
    for packet in sound.opus_packets(sound.tone(440, 0.5)):
        taps.put(packet)
    assert not sent


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk() as made:
        made.media.add("low.wav", sound.write_tone(tmp_path / "low.wav", 400, 0.8))
        yield made


@pytest.mark.heard
async def test_a_tap_gets_what_the_voice_channel_gets(one: Desk) -> None:
    one.patch(chorus={"taps": [{"id": "web", "type": "stream", "format": "opus"}]})
    assert [listed.id for listed in one.player.model().chorus.taps] == ["web"]
    queue = one.player.tap("web")
    assert queue is not None
    heard: list[bytes] = []

    async def read() -> None:
        async for data in queue:
            heard.extend(packets(data))

    reading = asyncio.ensure_future(read())
    await one.play("low.wav")
    await one.ended()
    await until(lambda: one.ear.spoken == [True, False])
    await asyncio.sleep(0)
    assert heard == one.ear.packets
    (tone,) = sound.tones(heard)
    assert abs(tone.hz - 400) < 2
    await one.player.close()
    await reading
    states = [message["state"] for message in one.messages if message.get("type") == "ChorusTapEvent"]
    assert states == ["opened", "closed"]


@pytest.mark.heard
async def test_a_new_tap_begins_with_the_music_that_was_just_heard(one: Desk) -> None:
    await one.play("low.wav")
    await until(lambda: len(one.ear.packets) > 25)
    one.patch(chorus={"taps": [{"id": "web", "type": "stream", "format": "opus"}]})
    queue = one.player.tap("web", recent=400)
    assert queue is not None
    heard = packets(await anext(queue))
    assert heard == one.ear.packets[-20:]
    assert abs(sound.frequency(sound.mono(sound.decode(heard))) - 400) < 4
    await one.ended()
    await until(lambda: one.ear.spoken == [True, False])
    late = one.player.tap("web", recent=2500)
    assert late is not None
    reading = asyncio.ensure_future(anext(late))
    await asyncio.sleep(0.05)
    assert not reading.done(), "silence has followed: there is nothing to begin with"
    late.close()
    with pytest.raises(StopAsyncIteration):
        await reading
