"""Covers of the demo tracks: abstract pictures, drawn at twice their size and scaled down for smooth edges."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 640
_CANVAS = 2 * SIZE

Colour = tuple[int, int, int]
Palette = tuple[Colour, Colour, Colour, Colour]
"""Ground above, ground below, the colour that stands out, a light one."""


def draw(motif: str, palette: Palette, seed: int) -> bytes:
    """A square JPEG of SIZE px; `motif` is a key of MOTIFS."""
    picture = MOTIFS[motif](palette, np.random.default_rng(seed))
    out = io.BytesIO()
    _grain(picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS), seed).save(out, "JPEG", quality=90)
    return out.getvalue()


def _ground(above: Colour, below: Colour) -> Image.Image:
    """A gradient from top to bottom."""
    share = np.linspace(0, 1, _CANVAS)[:, None] ** 1.2
    column = np.array(above) * (1 - share) + np.array(below) * share
    return Image.fromarray(np.repeat(column[:, None, :], _CANVAS, axis=1).astype(np.uint8))


def _grain(picture: Image.Image, seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, 3, (SIZE, SIZE, 1))
    return Image.fromarray(np.clip(np.asarray(picture).astype(float) + noise, 0, 255).astype(np.uint8))


def _glow(picture: Image.Image, centre: tuple[float, float], radius: float, colour: Colour, strength: float) -> None:
    mask = Image.new("L", picture.size, 0)
    x, y = centre
    ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=round(255 * strength))
    picture.paste(colour, mask=mask.filter(ImageFilter.GaussianBlur(radius / 2)))


def _disc(centre: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    return centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius


def _sunrise(palette: Palette, dice: np.random.Generator) -> Image.Image:
    """A sun cut into stripes above a calm horizon."""
    above, below, bright, light = palette
    picture = _ground(above, below)
    centre, radius, horizon = (0.5 * _CANVAS, 0.52 * _CANVAS), 0.3 * _CANVAS, 0.72 * _CANVAS
    _glow(picture, centre, radius * 1.5, bright, 0.55)
    pen = ImageDraw.Draw(picture, "RGBA")
    pen.ellipse(_disc(centre, radius), fill=light)
    for stripe in range(7):
        top = centre[1] - 0.05 * _CANVAS + stripe * 0.052 * _CANVAS
        half = max(radius**2 - (top - centre[1]) ** 2, 0) ** 0.5
        pen.rectangle((centre[0] - half - 2, top, centre[0] + half + 2, top + (4 + 5 * stripe)), fill=bright)
    pen.rectangle((0, horizon, _CANVAS, _CANVAS), fill=above)
    for line in range(26):
        y = horizon + 8 + line**1.55 * 3.2
        half = radius * (1.05 - line / 30) * dice.uniform(0.5, 1.1)
        pen.rounded_rectangle((centre[0] - half, y, centre[0] + half, y + 5), 3, fill=(*light, 190 - 6 * line))
    return picture


def _lanterns(palette: Palette, dice: np.random.Generator) -> Image.Image:
    """Lit discs that overlap and drift upwards."""
    above, below, bright, light = palette
    picture = _ground(above, below)
    for place in range(14):
        centre = (dice.uniform(0.05, 0.95) * _CANVAS, (1.0 - place / 14) * _CANVAS * dice.uniform(0.85, 1.1))
        radius = _CANVAS * dice.uniform(0.035, 0.15) * (1.1 - place / 20)
        _glow(picture, centre, radius * 1.7, bright, 0.5)
        layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
        pen = ImageDraw.Draw(layer)
        pen.ellipse(_disc(centre, radius), fill=(*bright, 150))
        pen.ellipse(_disc((centre[0], centre[1] + radius * 0.15), radius * 0.62), fill=(*light, 150))
        picture.paste(layer, mask=layer)
    return picture


def _harbour(palette: Palette, dice: np.random.Generator) -> Image.Image:
    """Layered hills of water under a low moon."""
    above, below, bright, light = palette
    picture = _ground(above, below)
    _glow(picture, (0.7 * _CANVAS, 0.28 * _CANVAS), 0.2 * _CANVAS, bright, 0.6)
    pen = ImageDraw.Draw(picture, "RGBA")
    pen.ellipse(_disc((0.7 * _CANVAS, 0.28 * _CANVAS), 0.09 * _CANVAS), fill=light)
    x = np.arange(0, _CANVAS + 8, 8)
    for layer in range(7):
        share = layer / 6
        base = _CANVAS * (0.46 + 0.085 * layer)
        waves = [np.sin(x / _CANVAS * 2 * np.pi * n + dice.uniform(0, 6.3)) / n for n in (1, 2, 3)]
        swell = np.sum(waves, axis=0) * (26 + 10 * layer)
        colour = tuple(round(b * (1 - share) * 0.85 + a * share) for a, b in zip(above, bright, strict=True))
        points = [(float(x[i]), float(base + swell[i])) for i in range(len(x))]
        pen.polygon([*points, (_CANVAS, _CANVAS), (0, _CANVAS)], fill=(*colour, 235))
    return picture


def _lines(palette: Palette, dice: np.random.Generator) -> Image.Image:
    """Tracks that run side by side, turn by 45 degrees and part."""
    above, below, bright, light = palette
    picture = _ground(above, below)
    pen = ImageDraw.Draw(picture, "RGBA")
    width, gap = 34, 62
    middle = tuple((a + b) // 2 for a, b in zip(bright, light, strict=True))
    for track in range(9):
        turn = 0.42 * _CANVAS - gap * track * 0.414  # tan 22.5°: the tracks stay side by side in the bend
        x = 0.08 * _CANVAS + gap * track
        colour = (bright, light, middle, below)[int(dice.integers(0, 4)) if track % 4 else 0]
        far = turn + 0.34 * _CANVAS
        path = [(x, -40), (x, turn), (x + far - turn, far), (x + far - turn, _CANVAS + 40)]
        pen.line(path, fill=(*colour, 240), width=width, joint="curve")
        for stop in (turn - 0.12 * _CANVAS * dice.uniform(0.6, 1.6), far + 0.15 * _CANVAS * dice.uniform(0.5, 1.5)):
            at = (x if stop < turn else x + far - turn, stop)
            pen.ellipse(_disc(at, 25), fill=above, outline=light, width=9)
    return picture


def _ripples(palette: Palette, dice: np.random.Generator) -> Image.Image:
    """Height lines of a surface where three waves meet."""
    above, below, bright, light = palette
    y, x = np.mgrid[0:_CANVAS, 0:_CANVAS] / _CANVAS
    height = np.zeros_like(x)
    for _ in range(3):
        cx, cy = dice.uniform(0.1, 0.9, 2)
        height += np.sin(np.hypot(x - cx, y - cy) * dice.uniform(9, 15))
    bands = (height - height.min()) / np.ptp(height) * 13
    edge = np.abs(bands % 1 - 0.5) * 2
    share = (np.floor(bands) / 13)[..., None]
    ground = np.array(above) * (1 - share) + np.array(bright) * share
    line = np.clip((edge - 0.9) * 10, 0, 1)[..., None] * 0.75
    mixed = (ground * (1 - line) + np.array(light) * line) * (1 - 0.25 * y[..., None]) + np.array(below) * (
        0.25 * y[..., None]
    )
    return Image.fromarray(mixed.astype(np.uint8))


MOTIFS: dict[str, Callable[[Palette, np.random.Generator], Image.Image]] = {
    "sunrise": _sunrise,
    "lanterns": _lanterns,
    "harbour": _harbour,
    "lines": _lines,
    "ripples": _ripples,
}
