"""A cover's colour stays readable on both grounds."""

from hypothesis import given
from hypothesis import strategies as st

from web.accent import CONTRAST, DARK_GROUND, INDIGO, LIGHT_GROUND, accent, contrast

colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@given(colours)
def test_every_colour_becomes_readable(colour: str) -> None:
    shades = accent(colour)
    assert contrast(shades.light, LIGHT_GROUND) >= CONTRAST
    assert contrast(shades.dark, DARK_GROUND) >= CONTRAST
    assert contrast(shades.dark, "#0f1115") >= CONTRAST  # the words on a button
    assert contrast(shades.light, "#ffffff") >= CONTRAST


def test_readable_colours_stay_as_they_are() -> None:
    assert accent("#00704a").light == "#00704a"
    assert contrast("#000000", "#ffffff") == 21


def test_what_is_no_colour_is_indigo() -> None:
    for text in (None, "", "red", "#12345", "#zzzzzz", "#123456;}body{display:none"):
        assert accent(text) == accent(INDIGO)
