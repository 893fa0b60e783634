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
    screen = draw(Settings(), nodes=nodes, streams=streams, discord="off", tracks=0)
    assert words in screen
    assert ("Web streams" in screen) == (nodes == {"java": "up"})


def test_discord_says_why_it_is_off() -> None:
    for state, words in (
        ("off", "set DISCORD_TOKEN"),
        ("up", "on"),
        ("the token was refused", "the token was refused"),
    ):
        screen = draw(Settings(), nodes={"builtin": "up"}, streams=True, discord=state, tracks=0)
        assert words in next(line for line in screen.splitlines() if "Discord" in line)
