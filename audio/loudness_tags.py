"""What a file's tags say of its loudness: ReplayGain 2.0 and R128 (RFC 7845 §5.2.1)."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import mutagen
from mutagen.oggopus import OggOpus

REPLAY_GAIN = -18.0
"""LUFS that ReplayGain 2.0 makes of a track."""
R128 = -23.0
BELIEVED = 40.0
"""dB: a tag that says more is wrong."""
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def tagged(path: Path) -> tuple[float, float | None, bool] | None:
    """Loudness in LUFS, peak in dBFS if it is told, and whether it is Opus; None without such tags. Raises OSError."""
    try:
        file = cast("Any", mutagen).File(path)
    except mutagen.MutagenError:  # pyright: ignore[reportPrivateImportUsage]  its documented name
        return None
    tags = _flat(getattr(file, "tags", None))
    gain, r128, peak = (
        tags.get(name) for name in ("replaygain_track_gain", "r128_track_gain", "replaygain_track_peak")
    )
    opus = isinstance(file, OggOpus)
    if r128 is not None and abs(r128) <= BELIEVED * 256:
        return R128 - r128 / 256, None, opus
    if gain is not None and abs(gain) <= BELIEVED:
        return REPLAY_GAIN - gain, 20 * math.log10(peak) if peak and peak > 0 else None, opus
    return None


def _flat(tags: Any) -> Mapping[str, float]:
    """The numbers among the tags, by the last part of their names, which formats write in their own ways."""
    found: dict[str, float] = {}
    for name, value in _items(tags):
        key = str(name).lower().rpartition(":")[2]
        if key.endswith(("track_gain", "track_peak")) and (number := _NUMBER.search(_text(value))):
            found[key] = float(number[0])
    return found


def _items(tags: Any) -> list[tuple[Any, Any]]:
    return list(tags.items()) if tags is not None and hasattr(tags, "items") else []


def _text(value: Any) -> str:
    """The first of the values of a tag; an ID3 frame has them in `text`."""
    values: Any = getattr(value, "text", value)
    if isinstance(values, list):
        values = next(iter(cast("list[Any]", values)), "")
    return values.decode(errors="replace") if isinstance(values, bytes) else str(values)
