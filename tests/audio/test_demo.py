"""The demo tracks: playable early, distinct, tagged, with covers."""

import asyncio
import base64
import contextlib
import io
import os
import sys
import time
from pathlib import Path
from typing import Any, cast

import av
import mutagen
import numpy as np
import pytest
from mutagen.flac import Picture
from PIL import Image

from audio.demo import ARTIST, PIECES, synthesise
from tests.waiting import crowding, until


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All demo tracks."""
    folder = tmp_path_factory.mktemp("demo")

    async def make() -> list[Path]:
        return [path async for path in synthesise(folder)]

    return asyncio.run(make())


def _tags(path: Path) -> dict[str, list[str]]:
    return cast("Any", mutagen).File(path).tags


def _picture(path: Path) -> Image.Image:
    data = base64.b64decode(_tags(path)["metadata_block_picture"][0])
    return Image.open(io.BytesIO(cast("Any", Picture(data)).data))


def _chroma(path: Path) -> np.ndarray:
    """How strongly each of the twelve notes sounds."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=8000)
        pieces = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    spectrum = np.abs(np.fft.rfft(np.concatenate(pieces)))
    hz = np.fft.rfftfreq(len(np.concatenate(pieces)), 1 / 8000)
    band = (hz > 80) & (hz < 2000)
    notes = np.round(69 + 12 * np.log2(hz[band] / 440)).astype(int) % 12
    chroma = np.bincount(notes, weights=spectrum[band] ** 2, minlength=12)
    return chroma / np.linalg.norm(chroma)


@pytest.mark.heard  # alone on the machine
async def test_the_first_is_playable_within_five_seconds(tmp_path: Path) -> None:
    start = time.monotonic()
    async with contextlib.aclosing(synthesise(tmp_path)) as tracks:
        await anext(tracks)
    assert time.monotonic() - start < 5 * crowding()


def test_there_are_a_few(made: list[Path]) -> None:
    assert 4 <= len(made) <= 5


def test_each_is_short_audible_opus_without_clipping(made: list[Path]) -> None:
    for path in made:
        with av.open(str(path)) as container:
            assert container.streams.audio[0].codec_context.name in {"opus", "libopus"}
            assert container.duration is not None
            assert 40 <= container.duration / 1e6 <= 75
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        samples = np.concatenate([frame.ravel() for frame in frames])
        level = 20 * np.log10(np.sqrt(np.mean(samples**2)))
        assert -24 < level < -12
        assert np.abs(samples).max() < 1


def test_they_are_tagged_with_different_titles(made: list[Path]) -> None:
    titles = [_tags(path)["title"][0] for path in made]
    assert len(set(titles)) == len(titles)
    assert {_tags(path)["artist"][0] for path in made} == {ARTIST}


def test_they_sound_different(made: list[Path]) -> None:
    chromas = [_chroma(path) for path in made]
    alike = [float(a @ b) for i, a in enumerate(chromas) for b in chromas[:i]]
    assert max(alike) < 0.97


def test_their_covers_are_square_and_differ(made: list[Path]) -> None:
    pictures = [_picture(path) for path in made]
    assert {picture.size for picture in pictures} == {(640, 640)}
    means = [np.asarray(picture).reshape(-1, 3).mean(axis=0) for picture in pictures]
    assert min(float(np.abs(a - b).max()) for i, a in enumerate(means) for b in means[:i]) > 10


async def test_nothing_is_made_twice_and_what_was_deleted_stays_deleted(made: list[Path]) -> None:
    folder = made[0].parent
    moved = made[-1].rename(folder / "gone")
    try:
        assert [path async for path in synthesise(folder)] == []
    finally:
        moved.rename(made[-1])


async def test_an_interrupted_start_is_made_up_for(tmp_path: Path) -> None:
    for piece in PIECES[:2]:
        async with contextlib.aclosing(synthesise(tmp_path)) as tracks:
            assert (await anext(tracks)).name == piece.filename
    whole = [name for name in await asyncio.to_thread(os.listdir, tmp_path) if not name.startswith(".")]
    assert sorted(whole) == [piece.filename for piece in PIECES[:2]]


def _working_for(folder: Path) -> list[int]:
    """Processes that make tracks in a folder."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes()
            found += [int(path.parent.name)] if b"audio.demo" in line and bytes(folder) in line else []
    return found


async def test_whoever_is_killed_leaves_no_child_behind(tmp_path: Path) -> None:
    code = "import asyncio, sys, pathlib, audio.demo as demo\n"
    code += "asyncio.run(anext(demo.synthesise(pathlib.Path(sys.argv[1]))))"
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path))
    await until(lambda: len(_working_for(tmp_path)) == 2, within=15, what="both at work")  # the one asked for, and -c
    bot.kill()
    await bot.wait()
    await until(lambda: not _working_for(tmp_path), what="the child gone")
