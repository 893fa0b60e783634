"""The first screen says what is on, and what is off and why."""

import pytest

from bot.config import Settings
from bot.screen import draw


@pytest.mark.parametrize(
    ("nodes", "streams", "words"),
    [
        ({"builtin": "up"}, True, "Node builtin   on"),
        ({"java": "up"}, False, "Web streams    off    no node has the chorus extension"),
        ({"java": "wrong password"}, False, "Node java      off    wrong password"),
        ({}, False, "LAVALINK_NODES"),
    ],
)
def test_nodes_and_streams(nodes: dict[str, str], streams: bool, words: str) -> None:
    screen = draw(Settings(), nodes=nodes, streams=streams, discord="off", telegram="off", tracks=0)
    assert words in screen
    assert ("Web streams" in screen) == (nodes == {"java": "up"})


@pytest.mark.parametrize("surface", ["Discord", "Telegram"])
def test_a_surface_says_why_it_is_off(surface: str) -> None:
    for state, words in (
        ("off", f"set {surface.upper()}_TOKEN"),
        ("up", "on"),
        ("the token was refused", "the token was refused"),
    ):
        states = {"discord": "up", "telegram": "up", surface.lower(): state}
        discord, telegram = states["discord"], states["telegram"]
        screen = draw(Settings(), nodes={"builtin": "up"}, streams=True, tracks=0, discord=discord, telegram=telegram)
        assert words in next(line for line in screen.splitlines() if line.strip().startswith(surface))
