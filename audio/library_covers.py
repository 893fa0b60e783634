"""Covers: pictures become squares in three sizes and lend an accent colour to the page."""

import colorsys
import hashlib
import io
import re
import threading
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIZES = (88, 176, 512)
INDIGO = "#818cf8"
"""The accent of what has no cover, or one without colours."""
GROUND = (0x18, 0x1B, 0x22)
"""The page's cards: the lighter of its two dark grounds, so the one that asks more of an accent."""
CONTRAST = 4.5
_LARGEST = 60_000_000
_COLOURLESS = 0.12
_KEY = re.compile(r"[0-9a-f]{24}")

Colour = tuple[int, int, int]


class Covers:
    """A folder of WebP files, `<key>-<size>.webp`; the key is the hash of the picture, so albums share theirs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._accents: dict[str, str | None] = {}

    def path(self, key: str, size: int) -> Path | None:
        """The file of a cover, or None. Touches the disk."""
        if size not in SIZES or not _KEY.fullmatch(key):
            return None
        path = self._folder / f"{key}-{size}.webp"
        return path if path.is_file() else None

    def store(self, picture: bytes) -> tuple[str, str] | None:
        """Keep a picture: its key and accent; None when it is no picture. Takes some 50 ms."""
        key = hashlib.sha256(picture).hexdigest()[:24]
        if key not in self._accents:
            self._accents[key] = self._draw(key, picture)
        found = self._accents[key]
        return (key, found) if found else None

    def _draw(self, key: str, picture: bytes) -> str | None:
        image = _square(picture)
        if image is None:
            return None
        self._folder.mkdir(parents=True, exist_ok=True)
        for size in SIZES:
            path = self._folder / f"{key}-{size}.webp"
            if not path.exists():
                part = path.with_suffix(f".{threading.get_ident()}.part")
                image.resize((size, size), Image.Resampling.LANCZOS).save(part, "WEBP", quality=82, method=2)
                part.replace(path)
        return accent(image)


def _square(picture: bytes) -> Image.Image | None:
    """The middle of a picture as a square of the largest size; None when it cannot be read or is huge."""
    try:
        with Image.open(io.BytesIO(picture)) as image:
            if image.width * image.height > _LARGEST:
                return None
            image.draft("RGB", (2 * SIZES[-1], 2 * SIZES[-1]))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return ImageOps.fit(upright, (SIZES[-1], SIZES[-1]), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None  # Pillow's readers raise all of these at broken files


def accent(image: Image.Image) -> str:
    """The most telling colour of a picture as `#rrggbb`, lightened until it can be read on the page's dark ground."""
    few = image.resize((64, 64), Image.Resampling.BOX).quantize(16, Image.Quantize.MEDIANCUT).convert("RGB")
    colours, counts = np.unique(np.asarray(few).reshape(-1, 3), axis=0, return_counts=True)
    chroma = np.ptp(colours.astype(float), axis=1) / 255
    best = int(np.argmax(np.where(chroma > _COLOURLESS, chroma * np.sqrt(counts), 0)))
    if chroma[best] <= _COLOURLESS:
        return INDIGO
    red, green, blue = (int(part) for part in colours[best])
    return "#{:02x}{:02x}{:02x}".format(*readable((red, green, blue)))


def readable(colour: Colour) -> Colour:
    """The colour, lighter if need be, with a contrast of at least 4.5:1 (WCAG 2) against GROUND."""
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    saturation = max(saturation, 0.45)
    while contrast(colour, GROUND) < CONTRAST:
        light = min(1.0, light + 0.02)
        red, green, blue = colorsys.hls_to_rgb(hue, light, saturation)
        colour = round(red * 255), round(green * 255), round(blue * 255)
    return colour


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  sRGB's own numbers
        for part in (part / 255 for part in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
