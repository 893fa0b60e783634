"""`expand[]`: ids become the objects they name; fields that are left out unless asked for are added."""

from typing import TYPE_CHECKING, Any

from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.objects import Objects
from tests.simulators.stripe.shapes import Json, copied

if TYPE_CHECKING:
    from collections.abc import Callable

DEEPEST = 4


class Expander:
    """Renders answers. `included`: (object, field) → what it is when asked for."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.included: dict[tuple[str, str], Callable[[Json], Any]] = {}

    def expanded(self, answer: Json, paths: list[str]) -> Json:
        """A copy of an answer with these paths expanded. Raises ApiError."""
        whole = copied(answer)
        for path in paths:
            parts = path.split(".")
            if len(parts) > DEEPEST:
                raise invalid(f"You cannot expand more than {DEEPEST} levels of a property: {path}", "expand")
            self._into(whole, parts, path)
        return whole

    def _into(self, node: Any, parts: list[str], path: str) -> None:
        if isinstance(node, list):
            for one in node:
                self._into(one, parts, path)
            return
        if not isinstance(node, dict) or not parts:
            return
        self._field(node, parts[0], path)
        self._into(node[parts[0]], parts[1:], path)

    def _field(self, node: Json, name: str, path: str) -> None:
        kind = node.get("object", "")
        if (kind, name) in self.included and name not in node:
            node[name] = copied(self.included[kind, name](node))
        if name not in node:
            raise invalid(
                f"This property cannot be expanded ({name}). You may want to try expanding '{path}'.", "expand"
            )
        value = node[name]
        if isinstance(value, str):
            node[name] = self._object(value, path)
        elif isinstance(value, list):
            node[name] = [self._object(one, path) if isinstance(one, str) else one for one in value]

    def _object(self, id_: str, path: str) -> Json:
        row = self._objects.find(id_)
        if row is None:
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        return copied(row)
