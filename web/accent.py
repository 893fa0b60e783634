"""A room's colour, made readable on both grounds (WCAG 2 contrast of 4.5:1)."""

import colorsys
import re
from functools import lru_cache
from typing import NamedTuple

INDIGO = "#5b5bd6"
LIGHT_GROUND, DARK_GROUND = "#fafafa", "#181b22"
CONTRAST = 4.5
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_STEP = 0.01


class Accent(NamedTuple):
    """The colour for a light page and for a dark one, as `#rrggbb`."""

    light: str
    dark: str


@lru_cache(maxsize=1024)
def accent(colour: str | None) -> Accent:
    """Both shades of a cover's colour; indigo when there is none (or it is no colour)."""
    base = colour if colour and _HEX.fullmatch(colour) else INDIGO
    return Accent(_shade(base, LIGHT_GROUND, -_STEP), _shade(base, DARK_GROUND, _STEP))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _shade(colour: str, ground: str, step: float) -> str:
    hue, light, saturation = colorsys.rgb_to_hls(*_rgb(colour))
    while contrast(colour, ground) < CONTRAST:
        light = min(1.0, max(0.0, light + step))
        colour = "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, light, saturation))
    return colour


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _rgb(colour)]  # noqa: PLR2004 - sRGB
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255
