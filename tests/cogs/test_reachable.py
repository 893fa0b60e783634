"""Every public command of the Jukebox can be reached from each chat surface: its methods are listed, not remembered."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import cogs.discord
import cogs.telegram
import core.jukebox
from cogs.yes import COMMANDS
from core.jukebox import Jukebox
from core.policy import TABLE, Action
from web.controls import ASK

SURFACES = {one.__name__: Path(str(one.__file__)).parent for one in (cogs.discord, cogs.telegram)}
RULES = Path(core.jukebox.__file__).parent


def methods(jukebox: type) -> set[str]:
    """What a surface may call."""
    return {name for name, _ in inspect.getmembers(jukebox, inspect.isfunction) if not name.startswith("_")}


def trees(folder: Path) -> Iterator[ast.Module]:
    for path in sorted(folder.glob("*.py")):
        yield ast.parse(path.read_text())


def called_by_handlers(handlers: Path) -> set[str]:
    """The names in `….jukebox.<name>`."""
    return {
        node.attr
        for tree in trees(handlers)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "jukebox"
    }


def called_by_themselves() -> dict[str, set[str]]:
    """The names in `self.<name>` of each method: `play` finds tracks and hands them to `add`."""
    return {
        method.name: {
            node.attr
            for node in ast.walk(method)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
        }
        for tree in trees(RULES)
        for method in ast.walk(tree)
        if isinstance(method, ast.AsyncFunctionDef | ast.FunctionDef)
    }


def unreachable(jukebox: type, handlers: Path) -> set[str]:
    """Public methods that no handler calls, neither itself nor by way of another method."""
    inner, reached = called_by_themselves(), called_by_handlers(handlers)
    while more := {name for one in reached for name in inner.get(one, ())} - reached:
        reached |= more
    return methods(jukebox) - reached


@pytest.mark.parametrize("surface", SURFACES)
def test_every_command_of_the_jukebox_is_reachable(surface: str) -> None:
    assert len(methods(Jukebox)) > 30
    assert unreachable(Jukebox, SURFACES[surface]) == set()


def test_every_question_can_be_said_yes_to() -> None:
    """The live messages and the page know each poll of the policy's table; the skip has buttons of its own."""
    asked = {action.value for action, rule in TABLE.items() if rule.poll} - {Action.SKIP.value}
    assert set(COMMANDS) == asked
    assert set(ASK) == asked


@pytest.mark.parametrize("surface", SURFACES)
def test_a_command_that_nobody_calls_is_found(surface: str) -> None:
    class Louder(Jukebox):
        async def dance(self) -> None:
            """Nobody calls this."""

    assert "dance" in unreachable(Louder, SURFACES[surface])
