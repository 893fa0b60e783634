"""Form-encoded parameters: `items[0][price]=x&expand[]=y` → `{"items": [{"price": "x"}], "expand": ["y"]}`."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from tests.simulators.stripe.errors import invalid

KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
PART = re.compile(r"\[([^\[\]]*)\]")


def decoded(text: str) -> dict[str, Any]:
    """The parameters of a body or a query. Raises ApiError."""
    return nested(parse_qsl(text, keep_blank_values=True))


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Flat names with brackets → nested dicts and lists; every leaf is a string. Raises ApiError."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        found = KEY.match(key)
        if found is None:
            raise invalid(f"Invalid parameter name: {key}", key, stored=False)
        _put(root, [found[1], *PART.findall(found[2])], value)
    return {key: _listed(value) for key, value in root.items()}


def _put(root: dict[str, Any], path: list[str], value: str) -> None:
    node = root
    for part in path[:-1]:
        name = part or str(len(node))
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            raise invalid(f"Invalid parameter: {'.'.join(path)}", path[0], stored=False)
    node[path[-1] or str(len(node))] = value


def _listed(value: Any) -> Any:
    """Dicts with the keys 0, 1, 2, … are lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(one) for key, one in value.items()}
    if inner and sorted(inner, key=_order) == [str(number) for number in range(len(inner))]:
        return [inner[str(number)] for number in range(len(inner))]
    return inner


def _order(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdecimal() else (1 << 30, key)
