"""A deck by itself: its ring is emptied by hand, at no pace."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from lavalink.crossfade import crossfade
from lavalink.deck import Deck
from lavalink.engine import Engine
from lavalink.filters import Effect, Timescale
from lavalink.marks import FULL, LOW, LOW_UNTOUCHED, Ended, Joined
from lavalink.opus import RATE
from lavalink.packetizer import Packetizer
from lavalink.pcm import Pcm
from lavalink.protocol import Track
from lavalink.reel import Reel
from lavalink.strand import Shaping, Strand
from tests import sound, waiting
from tests.lavalink.harness import Media, studio, until


class Booth:
    """Where decks are tried out."""

    def __init__(self, media: Media, engine: Engine, sources: Any, folder: Path) -> None:
        self.media, self._engine, self._sources, self._folder = media, engine, sources, folder

    async def reel(self, name: str, seconds: float, *, crossfade: int = 0, start: int = 0, **how: Any) -> Reel:
        return await self.cut(name, sound.tone(400, seconds), crossfade=crossfade, start=start, **how)

    async def cut(
        self, name: str, wave: sound.Samples, *, rate: int = RATE, crossfade: int = 0, start: int = 0, **how: Any
    ) -> Reel:
        self.media.add(name, sound.write_sound(self._folder / name, wave, rate=rate), **how)
        info = await self._sources.load(self.media.url(name))
        assert info is not None
        return Reel(Track(encoded=name, info=info), self._sources, start, crossfade)

    def deck(self, reel: Reel, shaping: Shaping | None = None) -> Deck:
        shaping = shaping or Shaping()
        deck = Deck(self._engine, reel, shaping, on_ready=lambda _: None, on_missed=lambda *_: None)
        deck.shape(shaping, shaping)
        return deck


@pytest.fixture
async def booth(tmp_path: Path) -> AsyncIterator[Booth]:
    async with studio() as (media, engine, sources):
        yield Booth(media, engine, sources, tmp_path)


async def cued(deck: Deck, reel: Reel) -> None:
    """A track is named that follows, and open."""
    assert deck.cue(reel)
    await until(lambda: reel.opened)


async def emptied(deck: Deck) -> list[list[bytes]]:
    """All that is left: the packets of each track."""
    tracks, over = [list[bytes]()], False

    def take() -> bool:
        nonlocal over
        while deck.ring:
            item = deck.ring.popleft()
            if isinstance(item, bytes):
                tracks[-1].append(item)
            elif isinstance(item, Joined):
                tracks.append([])
            over = over or isinstance(item, Ended)
        deck.refill()
        return over

    await until(take)
    return tracks


async def played(deck: Deck) -> list[int]:
    """How many packets of each track are left."""
    return [len(packets) for packets in await emptied(deck)]


async def test_a_crossfade_behind_untouched_packets_is_made_as_far_ahead_as_any(booth: Booth) -> None:
    deck = booth.deck(await booth.reel("ends.opus", 0.42))
    following = await booth.reel("comes.opus", 3.0, crossfade=3000)
    await until(lambda: len(deck.ring) == FULL and not deck._filling)
    assert deck.low == LOW_UNTOUCHED
    for _ in range(5):
        deck.ring.popleft()
    deck.cue(following)
    await until(lambda: deck.joining and not deck._filling)
    assert deck.low == LOW
    deck.close()


async def test_an_end_that_is_named_when_the_join_has_begun_is_not_that_of_the_next_track(booth: Booth) -> None:
    deck = booth.deck(await booth.reel("ends.wav", 0.2))
    deck.cue(await booth.reel("comes.wav", 1.0))
    await until(lambda: deck.joining)
    deck.limit(100)
    assert await played(deck) == [10, 50]
    deck.close()


async def test_a_deck_that_is_closed_while_it_joins_leaves_no_file_open(booth: Booth) -> None:
    reels = [await booth.reel("ends.wav", 30.0), await booth.reel("comes.wav", 30.0)]
    deck = booth.deck(reels[0])
    deck.cue(reels[1])
    await until(lambda: all(reel.opened for reel in reels))

    class Meanwhile(Strand):
        """Whoever looks at it is slower than a worker that joins."""

        @property
        def reel(self) -> Reel:
            worker = threading.Thread(target=deck.force_join)
            worker.start()
            worker.join(0.2)
            return reels[0]

        @reel.setter
        def reel(self, reel: Reel) -> None: ...

    await until(lambda: not deck._filling)
    deck._strand = Meanwhile(reels[0], Shaping())
    deck.close()
    assert [reel._closed for reel in reels] == [True, True]


class Known:
    """A reel of a known length, in ms, or of none."""

    def __init__(self, length: int | None, crossfade: int = 0) -> None:
        self.length, self.crossfade, self.start, self.position = length, crossfade, 0, 50_000.0

    def look_ahead(self, samples: int) -> int:
        return samples


def strand(length: int | None, crossfade: int = 0, *effects: Effect) -> Strand:
    reel: Any = Known(length, crossfade)
    return Strand(reel, Shaping(effects=effects))


@pytest.mark.parametrize(("left", "begins"), [(1.5, False), (1.0, True)])
def test_half_of_a_fast_track_is_half_of_what_is_heard_of_it(left: float, begins: bool) -> None:
    fade = crossfade(strand(60_000), strand(4_000, 12_000, Timescale(speed=2.0)), left * RATE)
    assert (fade is not None) is begins


@pytest.mark.parametrize("samples", range(5))
async def test_a_fast_track_fades_whatever_its_length(booth: Booth, samples: int) -> None:
    former = await booth.reel("ends.wav", 6.0 + samples / RATE)
    deck = booth.deck(former, Shaping(effects=(Timescale(speed=1.2),)))
    await cued(deck, await booth.reel("comes.wav", 3.0, crossfade=1000))
    going, coming = await played(deck)
    assert abs(going - (5.0 - 0.5) * 50) <= 2
    assert abs(coming - (2.5 - 0.5) * 50) <= 3
    deck.close()


async def test_what_is_ordered_while_a_join_is_in_the_ring_is_heard_in_the_next_track(booth: Booth) -> None:
    deck = booth.deck(await booth.reel("ends.wav", 0.2))
    deck.cue(await booth.reel("comes.wav", 1.0))
    await until(lambda: deck.joining)
    deck.shape(Shaping(volume=0.1), Shaping(volume=0.1))
    _, coming = await emptied(deck)
    assert abs(sound.level(sound.decode(coming)[24_000:]) - -32) < 1
    deck.close()


def taken(deck: Deck, packets: list[bytes], count: int) -> bool:
    """Whether so many packets could be taken, as a player takes them."""
    while deck.ring and len(packets) < count:
        item = deck.ring.popleft()
        if isinstance(item, bytes):
            packets.append(item)
        if len(deck.ring) < deck.low:
            deck.refill()
    return len(packets) >= count


@pytest.mark.parametrize("more", [2, 7])
async def test_a_change_is_heard_as_soon_in_a_crossfade(booth: Booth, more: int) -> None:
    deck, packets, soft = booth.deck(await booth.reel("ends.wav", 5.0)), list[bytes](), Shaping(volume=0.1)
    await cued(deck, await booth.reel("comes.wav", 5.0, crossfade=2400))
    await until(lambda: taken(deck, packets, len(packets) + 1) and deck._fade)
    count = len(packets) + 20 + more
    await until(lambda: taken(deck, packets, count) and not deck._filling)
    deck.shape(soft, soft)
    await until(lambda: taken(deck, packets, count + 40))
    samples = sound.decode(packets)[count * 960 :]
    levels = [sound.level(samples[at : at + 480]) for at in range(0, len(samples), 480)]
    assert next(at for at, level in enumerate(levels) if level < levels[0] - 2) <= 47  # times 10 ms
    deck.close()


async def test_a_new_volume_does_not_click(booth: Booth) -> None:
    deck = booth.deck(await booth.reel("tone.wav", 3.0))
    await until(lambda: deck.ring and not deck._filling)
    for volume in (0.1, 1.3, 0.7):
        packets = [item for item in deck.ring if isinstance(item, bytes)]
        deck.ring.clear()
        deck.shape(Shaping(volume=volume), Shaping(volume=volume))
        deck.refill()
        await until(lambda: not deck._filling)
        packets += [item for item in deck.ring if isinstance(item, bytes)]
        samples = sound.decode(packets)[:, 0]
        spectrum = np.fft.rfft(samples)
        spectrum[: 4_000 * len(samples) // RATE] = 0
        assert np.abs(np.fft.irfft(spectrum)[4800:-4800]).max() < 0.01
    deck.close()


def test_nobody_looks_for_the_end_of_a_live_stream() -> None:
    assert strand(None).left(12 * RATE) is None
    assert strand(60_000).left(12 * RATE) == 12 * RATE


async def test_looking_ahead_waits_for_no_server(booth: Booth) -> None:
    """What is here is heard meanwhile; the end is known when it has come."""
    reel = await booth.reel("slow.wav", 2.0, stall_after=150_000)
    await asyncio.to_thread(reel.open)
    async with asyncio.timeout(1):
        for _ in range(20):
            assert await asyncio.to_thread(reel.look_ahead, 3 * RATE) is None
    booth.media.released.set()
    left = list[int | None]()

    async def looked() -> bool:
        left.append(await asyncio.to_thread(reel.look_ahead, 3 * RATE))
        return left[-1] is not None

    await waiting.until(looked)
    assert left[-1] == 2 * RATE
    await asyncio.to_thread(reel.close)


async def test_a_next_that_is_named_while_the_last_packet_is_made_still_follows(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, following = await booth.reel("ends.wav", 0.205), await booth.reel("comes.wav", 1.0)
    flush, named = Packetizer.flush, threading.Thread(target=lambda: deck.cue(following))

    def slowly(packetizer: Packetizer) -> list[bytes]:
        if not named.ident:
            named.start()
            named.join(0.2)
        return flush(packetizer)

    monkeypatch.setattr(Packetizer, "flush", slowly)
    deck = booth.deck(former)
    await until(lambda: deck.refill() or deck.joining)  # as a player that plays does
    deck.close()


async def test_a_sound_cut_in_two_files_reaches_the_encoder_as_one(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave, push, caught = sound.tone(997, 1.0, rate=44_100), Packetizer.push, list[sound.Samples]()

    def catch(packetizer: Packetizer, pcm: Pcm) -> list[bytes]:
        caught.append(pcm.sound())
        return push(packetizer, pcm)

    monkeypatch.setattr(Packetizer, "push", catch)
    sounds = list[sound.Samples]()
    for parts in ((wave[:20_011], wave[20_011:]), (wave,)):
        reels = [await booth.cut(f"{len(part)}.flac", part, rate=44_100) for part in parts]
        deck = booth.deck(reels[0])
        for reel in reels[1:]:
            await cued(deck, reel)
        await played(deck)
        deck.close()
        sounds.append(np.concatenate(caught))
        caught.clear()
    assert np.array_equal(sounds[0], sounds[1])


@pytest.mark.parametrize("another", [True, False])
async def test_a_crossfade_that_is_called_off_leaves_the_track_whole(booth: Booth, another: bool) -> None:
    deck, packets = booth.deck(await booth.reel("ends.wav", 3.0)), list[bytes]()
    await cued(deck, await booth.reel("comes.wav", 3.0, crossfade=1400))
    following = await booth.reel("third.wav", 1.0)
    await until(lambda: taken(deck, packets, len(packets) + 1) and deck._fade)
    assert deck.cue(following if another else None)
    going, *coming = await played(deck)
    assert (len(packets) + going, coming) == (150, [50] if another else [])
    deck.close()


@pytest.mark.parametrize("seed", range(10))
async def test_no_chain_of_joins_gets_stuck_or_loses_sound(booth: Booth, seed: int) -> None:
    random = Random(seed)
    lengths = [random.choice([0.03, 0.1, 0.25, 0.5, 0.9, 1.7, 3.1]) + random.randrange(960) / RATE for _ in range(3)]
    overlaps = [random.choice([0, 0, 15, 60, 400, 1500, 12_000]) for _ in range(3)]
    names = [f"{number}.{random.choice(['wav', 'flac', 'mp3', 'opus'])}" for number in range(3)]
    tempos = [random.choice([1.0, 1.0, 1.2, 0.85, 2.0]) for _ in range(3)]
    sounds = [Shaping(gain=random.choice([1.0, 0.5]), effects=_at(tempo)) for tempo in tempos]
    reels = [await booth.reel(*one[:2], crossfade=one[2]) for one in zip(names, lengths, overlaps, strict=True)]
    deck, heard, track, over = booth.deck(reels[0], sounds[0]), 0, 0, False

    def follow(number: int) -> None:
        deck.shape(sounds[number], sounds[min(number + 1, 2)])
        assert number == 2 or deck.cue(reels[number + 1])

    def take() -> bool:
        nonlocal heard, track, over
        while deck.ring:
            item = deck.ring.popleft()
            heard += isinstance(item, bytes)
            if isinstance(item, Joined):
                track += 1
                deck.joined()
                follow(track)
            over = over or isinstance(item, Ended)
        if deck.drained:
            deck.force_join()
        deck.refill()
        return over

    follow(0)
    await until(take)
    deck.close()
    seconds = [length / tempo for length, tempo in zip(lengths, tempos, strict=True)]
    pairs = zip(seconds, seconds[1:], overlaps[1:], strict=False)
    together = sum(min(former / 2, coming / 2, overlap / 1000) for former, coming, overlap in pairs)
    assert track == 2
    assert sum(seconds) - together - 0.1 <= heard / 50 <= sum(seconds) + 0.16


def _at(tempo: float) -> tuple[Effect, ...]:
    return () if tempo == 1.0 else (Timescale(speed=tempo),)
