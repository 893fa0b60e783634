"""What the measuring child finds out about a track. Blocks."""

import base64
import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import av
import av.error

from audio.gauge import Request
from audio.gauge_hls import is_hls, open_segments
from audio.gauge_http import RangedFile
from audio.loudness_tags import tagged
from audio.media_sound import LIMITS
from audio.meter import Meter

SAMPLES = 9
SAMPLE = 2.0
"""A quick measure hears so many stretches of so many seconds; the beginning alone where it cannot look further."""
BEGINNING = 12.0
GOLDEN = (math.sqrt(5) - 1) / 2
BAD_PACKETS = 100


def answer(request: Request) -> dict[str, Any]:
    """`loudness`, `peak`, `opus`, `whole` and `waveform` (base64), or `error`."""
    try:
        if request.quick and request.path and (known := tagged(Path(request.path))) is not None:
            loudness, peak, opus = known
            return {"loudness": loudness, "peak": peak, "opus": opus, "whole": False, "waveform": ""}
        return _measured(request)
    except Exception as error:  # noqa: BLE001 -- whatever a file does to its decoder ends with that file
        return {"error": type(error).__name__}


def _measured(request: Request) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        source = request.path or stack.enter_context(contextlib.closing(RangedFile(request.url)))
        container = stack.enter_context(_opened(source))
        stream = container.streams.best("audio")  # of several, the one that a node plays
        if stream is None:
            raise ValueError("no sound")
        stream.codec_context.thread_count = 1
        meter = _metered(_sampled(container, stream) if request.quick else _frames(container, stream))
        return {
            "loudness": meter.loudness,
            "peak": meter.peak,
            "opus": _passes(stream.codec_context),
            "whole": not request.quick,
            "waveform": "" if request.quick else base64.b64encode(meter.waveform).decode(),
        }


def _opened(source: str | RangedFile) -> Any:
    if isinstance(source, RangedFile) and is_hls(source):
        return open_segments(source)
    return cast("Any", av).open(source, container_options=LIMITS, metadata_errors="ignore")


def _metered(frames: Iterator[Any]) -> Meter:
    meter, heard = Meter(), False
    for frame in frames:
        meter.feed(frame)
        heard = True
    if not heard:
        raise ValueError("nothing could be decoded")
    meter.finish()
    return meter


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """What can be decoded, in order."""
    bad = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            bad += 1
            if bad > BAD_PACKETS:
                raise


def _sampled(container: Any, stream: Any) -> Iterator[Any]:
    """Stretches from all over the track."""
    duration = container.duration
    if not duration or duration < SAMPLES * SAMPLE * 2 * av.time_base:
        yield from _stretch(container, stream, BEGINNING)
        return
    start = container.start_time or 0
    for place in sorted(number * GOLDEN % 1 for number in range(SAMPLES)):  # no beat of the music falls in with these
        container.seek(start + int((duration - SAMPLE * av.time_base) * place))
        yield from _stretch(container, stream, SAMPLE)


def _stretch(container: Any, stream: Any, seconds: float) -> Iterator[Any]:
    heard = 0.0
    for frame in _frames(container, stream):
        yield frame
        heard += frame.samples / frame.sample_rate
        if heard >= seconds:
            return


def _passes(codec: Any) -> bool:
    """Whether a node may pass its packets on untouched: Opus with no gain in its head (RFC 7845 §5.1)."""
    head = codec.extradata or b""
    return codec.name in {"opus", "libopus"} and head[16:19] == b"\0\0\0"
