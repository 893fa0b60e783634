"""The demo tracks: synthesised on the first start with an empty library, so that there is something to hear."""

import asyncio
import base64
import contextlib
import os
import sys
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from mutagen.flac import Picture
from mutagen.oggopus import OggOpus

from audio import demo_covers
from audio.demo_covers import Palette
from audio.demo_synth import RATE, Samples, Score, render

ROOT = Path(__file__).resolve().parents[1]
ALBUM = "House List"
ARTIST = "Chorus"
BIT_RATE = 128_000
_DONE = ".complete"


@dataclass(frozen=True)
class Piece:
    """A demo track: what is played and what it looks like."""

    title: str
    motif: str
    palette: Palette
    score: Score

    @property
    def filename(self) -> str:
        """Where it is kept, in the order of PIECES."""
        return f"{PIECES.index(self) + 1:02} {self.title}.opus"


PIECES = (
    Piece(
        "First Tram Home",
        "sunrise",
        ((38, 22, 66), (196, 78, 96), (255, 122, 89), (255, 224, 178)),
        Score(
            bpm=96,
            bars=18,
            chords=((57, 60, 64, 67), (53, 57, 60, 64), (48, 52, 55, 59), (55, 59, 62, 64)),
            scale=(69, 72, 74, 76, 79),
            arpeggio=(0, None, 1, 2, None, 3, None, 1, 2, None, 3, None, 4, None, 2, 1),
            arpeggio_voice="pluck",
            lead_voice="bell",
            seed=4,
            bass="x.....x...o.x...",
            kick="x.......x.......",
            snare="....x.......x..o",
            hat="x.xox.xox.xox.xo",
            swing=0.15,
        ),
    ),
    Piece(
        "Paper Lanterns",
        "lanterns",
        ((12, 24, 44), (28, 62, 84), (240, 165, 60), (255, 238, 200)),
        Score(
            bpm=78,
            bars=16,
            chords=((50, 57, 62, 66), (47, 54, 59, 62), (43, 50, 55, 59), (45, 52, 57, 61)),
            scale=(74, 76, 78, 81, 83),
            arpeggio=(0, None, 2, None, 3, None, 4, None, 3, None, 2, None, 1, None, 2, None),
            arpeggio_voice="bell",
            lead_voice="pluck",
            seed=11,
            key=2,
            bass="x.........o.....",
            hat="....o.......o...",
        ),
    ),
    Piece(
        "Harbour at Two",
        "harbour",
        ((10, 26, 38), (34, 74, 92), (64, 190, 180), (226, 250, 240)),
        Score(
            bpm=84,
            bars=18,
            chords=((50, 53, 57, 60), (55, 59, 62, 65), (48, 52, 55, 59), (45, 49, 52, 55)),
            scale=(72, 74, 76, 79, 81),
            arpeggio=(2, None, None, 3, None, None, 1, None, None, 2, None, None, 3, None, 0, None),
            arpeggio_voice="keys",
            lead_voice="keys",
            seed=23,
            key=3,
            bass="x......ox.....o.",
            kick="x......x..x.....",
            snare="....x.......x...",
            hat="x.x.x.x.x.x.x.xo",
            swing=0.3,
        ),
    ),
    Piece(
        "Northern Line",
        "lines",
        ((20, 18, 36), (58, 36, 92), (186, 104, 255), (240, 226, 255)),
        Score(
            bpm=116,
            bars=24,
            chords=((52, 55, 59, 62), (52, 55, 59, 64), (48, 52, 55, 59), (50, 54, 57, 62)),
            scale=(76, 79, 81, 83, 86),
            arpeggio=(0, 2, 1, 3, 2, 4, 3, 1, 0, 2, 1, 3, 5, 4, 3, 2),
            arpeggio_voice="pluck",
            lead_voice="keys",
            seed=31,
            key=-1,
            bass="..x...x...x...xo",
            kick="x...x...x...x...",
            snare="....o.......o...",
            hat="..x...x...x...x.",
        ),
    ),
    Piece(
        "Slow Tide",
        "ripples",
        ((14, 20, 58), (20, 16, 40), (84, 132, 255), (214, 230, 255)),
        Score(
            bpm=64,
            bars=14,
            chords=((48, 55, 59, 64), (45, 52, 55, 60), (53, 57, 60, 64), (43, 50, 55, 57)),
            scale=(72, 74, 76, 79, 83),
            arpeggio=(0, None, None, None, 1, None, None, None, 2, None, None, 3, None, None, 4, None),
            arpeggio_voice="bell",
            lead_voice="bell",
            seed=47,
            key=-4,
            bass="x...............",
        ),
    ),
)


async def synthesise(folder: Path) -> AsyncGenerator[Path]:
    """Make the tracks that are still missing, each yielded as soon as its file is whole (48 kHz Ogg Opus).

    Does nothing once all were made, so that a track deleted since stays deleted. A child process does the work: it
    takes 200 MB for a moment, and neither that nor the time is the bot's to spare.
    """
    if await asyncio.to_thread((folder / _DONE).exists):
        return
    child = await asyncio.create_subprocess_exec(
        *_command(folder),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours to hear
    )
    assert child.stdout
    try:
        async for number in child.stdout:
            yield folder / PIECES[int(number)].filename
        if await child.wait() == 0:
            await asyncio.to_thread((folder / _DONE).touch)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "audio.demo", str(folder.absolute())]


def main(folder: Path) -> None:
    """The child: makes what is missing and prints the number of each piece. Ends at once when its parent does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for number, piece in enumerate(PIECES):
        if _make(piece, folder / piece.filename):
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nobody writes: this is the end of the pipe
    os._exit(1)


def _make(piece: Piece, path: Path) -> bool:
    """Write the piece unless it is there; a file appears under its name only when it is whole."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    _encode(part, render(piece.score))
    _tag(part, piece)
    part.replace(path)
    return True


def _encode(path: Path, samples: Samples) -> None:
    """Write (samples, 2) as Ogg Opus; 20 ms packets, which nodes can pass through untouched."""
    with contextlib.closing(cast("Any", av.open(str(path), "w", format="ogg"))) as container:  # its stubs are partial
        stream = container.add_stream("libopus", rate=RATE, options={"compression_level": "6"})
        stream.codec_context.layout = "stereo"
        stream.codec_context.bit_rate = BIT_RATE
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        for start in range(0, len(pcm), RATE):
            frame = av.AudioFrame.from_ndarray(pcm[start : start + RATE].reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate = RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _tag(path: Path, piece: Piece) -> None:
    picture = Picture()
    picture.type, picture.mime = 3, "image/jpeg"
    picture.data = demo_covers.draw(piece.motif, piece.palette, piece.score.seed)
    file = cast("Any", OggOpus(path))  # mutagen's tags are untyped
    file["title"], file["artist"], file["album"] = piece.title, ARTIST, ALBUM
    file["tracknumber"] = str(PIECES.index(piece) + 1)
    file["metadata_block_picture"] = base64.b64encode(cast("Any", picture).write()).decode()
    file.save()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
