"""Filters in Lavalink's JSON: the presets, and those that people make by hand."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

from core.errors import BadFilterError, OutOfRangeError
from core.types import Filter

CUSTOM = "custom"
OFF = "off"
BASIC = "bassboost"
"""The preset that every plan has."""
TEXT = 2_000
"""How long the JSON of a filter may be."""

PRESETS: dict[str, dict[str, Any]] = {
    BASIC: {
        "equalizer": [
            {"band": band, "gain": gain} for band, gain in enumerate((0.3, 0.3, 0.25, 0.15, 0.05, -0.02, -0.03))
        ]
    },
    "nightcore": {"timescale": {"speed": 1.2, "pitch": 1.2}},
    "vaporwave": {
        "timescale": {"speed": 0.85, "pitch": 0.8},
        "tremolo": {"frequency": 14.0, "depth": 0.15},
        "equalizer": [{"band": 0, "gain": 0.15}, {"band": 1, "gain": 0.15}],
    },
    "8d": {"rotation": {"rotationHz": 0.2}},
    "karaoke": {"karaoke": {"level": 1.0, "monoLevel": 1.0, "filterBand": 220.0, "filterWidth": 100.0}},
    "soft": {"lowPass": {"smoothing": 12.0}},
    "treble": {
        "equalizer": [{"band": band, "gain": gain} for band, gain in enumerate((0.1, 0.15, 0.2, 0.25, 0.25, 0.25), 9)]
    },
}
"""Bands of the equalizer: 25 Hz to 16 kHz, a gain of 0.25 doubles one."""

Span = tuple[float, float]
_LEAST = 1e-3
_ANY: Span = (-1e6, 1e6)
_TEMPO: Span = (0.25, 4)
_SHARE: Span = (0, 1)

SPANS: dict[str, dict[str, Span]] = {
    "karaoke": {"level": _SHARE, "monoLevel": _SHARE, "filterBand": (1, 24_000), "filterWidth": (1, 24_000)},
    "timescale": {"speed": _TEMPO, "pitch": _TEMPO, "rate": _TEMPO},
    "tremolo": {"frequency": (_LEAST, 24_000), "depth": (_LEAST, 1)},
    "vibrato": {"frequency": (_LEAST, 14), "depth": (_LEAST, 1)},
    "rotation": {"rotationHz": _ANY},
    "distortion": dict.fromkeys(
        ("sinOffset", "sinScale", "cosOffset", "cosScale", "tanOffset", "tanScale", "offset", "scale"), _ANY
    ),
    "channelMix": dict.fromkeys(("leftToLeft", "leftToRight", "rightToLeft", "rightToRight"), _SHARE),
    "lowPass": {"smoothing": _ANY},
}
"""Lavalink's ranges, and the built-in node's where Lavalink has none (docs/nodes.md)."""
_BAND: Span = (0, 14)
_GAIN: Span = (-0.25, 1)
_VOLUME: Span = (0, 5)


def parse(text: str) -> Filter | None:
    """A preset by its name, `off` (None), or Lavalink's JSON of filters. Raises BadFilterError, OutOfRangeError."""
    word = text.strip().lower()
    if word == OFF:
        return None
    if word in PRESETS:
        return Filter(word)
    if not word.startswith("{"):
        raise BadFilterError("unknown", text.strip()[:100])
    if len(text) > TEXT:
        raise BadFilterError("json", "")
    try:
        return custom(json.loads(text))
    except (ValueError, RecursionError):
        raise BadFilterError("json", "") from None


def meant(text: str) -> Filter | None:
    """`parse` of what a poll stored; CUSTOM for a filter that only another version of us knows."""
    try:
        return parse(text)
    except (BadFilterError, OutOfRangeError):
        return Filter(CUSTOM)


def custom(values: Any) -> Filter | None:
    """A filter made by hand; None when it names none. Raises BadFilterError, OutOfRangeError."""
    chosen = {name: _checked(name, part) for name, part in _object("filters", values).items() if part is not None}
    chosen = {name: part for name, part in chosen.items() if part != []}  # `{}` is a filter with its defaults
    return Filter(CUSTOM, chosen) if chosen else None


def wire(filter_: Filter) -> dict[str, Any]:
    """What a node is sent."""
    return PRESETS.get(filter_.name, filter_.values)


def text(filter_: Filter | None) -> str:
    """The word that `parse` makes the same filter of."""
    if filter_ is None:
        return OFF
    return filter_.name if filter_.name in PRESETS else json.dumps(filter_.values, separators=(",", ":"))


def rate(filters: Mapping[str, Any]) -> float:
    """How much faster the track runs by these: speed and rate of the timescale count, its pitch does not."""
    timescale: Mapping[str, float] = filters.get("timescale") or {}
    return timescale.get("speed", 1.0) * timescale.get("rate", 1.0)


def _checked(name: str, part: Any) -> Any:
    match name:
        case "volume":
            return _number(name, part, _VOLUME)
        case "equalizer":
            return _bands(part)
        case _ if name in SPANS:
            spans = SPANS[name]
            return {key: _setting(name, key, value, spans) for key, value in _object(name, part).items()}
        case _:
            raise BadFilterError("unknown", name[:100])


def _setting(name: str, key: str, value: Any, spans: Mapping[str, Span]) -> float:
    if key not in spans:
        raise BadFilterError("unknown", f"{name}.{key}"[:100])
    return _number(f"{name}.{key}", value, spans[key])


def _bands(part: Any) -> list[dict[str, float]]:
    if not isinstance(part, list):
        raise BadFilterError("kind", "equalizer")
    bands = [_band(_object("equalizer", one)) for one in cast("list[object]", part)]
    return list({one["band"]: one for one in bands}.values())  # the last of each counts


def _band(one: Mapping[str, Any]) -> dict[str, float]:
    if set(one) != {"band", "gain"}:
        raise BadFilterError("kind", "equalizer")
    band = _number("equalizer.band", one["band"], _BAND)
    if band != int(band):
        raise BadFilterError("kind", "equalizer.band")
    return {"band": int(band), "gain": _number("equalizer.gain", one["gain"], _GAIN)}


def _object(name: str, part: Any) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise BadFilterError("kind", name)
    return cast("dict[str, Any]", part)


def _number(name: str, value: Any, span: Span) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadFilterError("kind", name)
    if isinstance(value, float) and not isfinite(value):
        raise BadFilterError("kind", name)
    if not span[0] <= value <= span[1]:
        raise OutOfRangeError(name, value, *span)
    return value
