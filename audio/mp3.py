"""A process that turns a file (its argument) into MP3 on standard output, after everything else that wants to run."""

import os
import sys
from typing import Any, cast

import av

RATE, BITRATE = 48_000, 192_000


def main(path: str) -> None:
    """Encode until the end. Raises FFmpegError for what is no sound."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    with av.open(path) as source, av.open(sys.stdout.buffer, "w", format="mp3") as mp3:
        target = cast("Any", mp3)  # half typed
        out = target.add_stream("libmp3lame", rate=RATE)
        out.bit_rate, out.layout = BITRATE, "stereo"
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=RATE)
        for frame in source.decode(audio=0):
            for part in resampler.resample(frame):
                target.mux(out.encode(part))
        for part in resampler.resample(None):
            target.mux(out.encode(part))
        target.mux(out.encode(None))


if __name__ == "__main__":
    main(sys.argv[1])
