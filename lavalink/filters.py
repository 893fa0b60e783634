"""Filters of a player: so far the volume; any other is refused by name."""

from collections.abc import Mapping
from typing import Any, cast

from lavalink.protocol import FILTERS, ApiError

LOUDEST = 5.0

Json = dict[str, Any]


def check(filters: Mapping[str, Any]) -> None:
    """ApiError 400 unless all that is asked for exists and is in range."""
    unknown = [name for name, value in filters.items() if name not in FILTERS and _asks(value)]
    if unknown:
        raise ApiError(400, f"Following filters are disabled in the config: {', '.join(unknown)}")
    gain: Any = filters.get("volume")
    if gain is None:
        return
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not 0 <= gain <= LOUDEST:
        raise ApiError(400, "The filter volume must be a number from 0.0 to 5.0")


def gain(filters: Mapping[str, Any]) -> float:
    """The factor that checked filters amount to."""
    volume: float | None = filters.get("volume")
    return 1.0 if volume is None else float(volume)


def _asks(value: object) -> bool:
    """Whether a filter's value is more than an empty one or a flat equalizer, which clients send for "off"."""
    if isinstance(value, list):
        bands = cast("list[object]", value)
        return not all(isinstance(band, dict) and cast("Json", band).get("gain") == 0 for band in bands)
    return value not in (None, {})
