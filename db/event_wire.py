"""Events between processes: a name, a schema version and JSON.

A reader knows this version of each schema and the one before; it ignores fields and names that it does not know.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core import events
from core.events import Event

Wire = dict[str, str]
"""`name` (`music.play.started`), `schema` (a whole number) and `data`, the event's fields as JSON."""


def kinds() -> Sequence[type[Event]]:
    """Every kind of event."""
    found: list[Any] = [kind for kind in vars(events).values() if isinstance(kind, type)]
    return [kind for kind in found if issubclass(kind, Event)]


_adapters: dict[str, tuple[type[Event], TypeAdapter[Event]]] = {
    kind.name: (kind, TypeAdapter[Event](kind)) for kind in kinds()
}


def encoded(event: Event) -> Wire:
    """The event as it travels."""
    _, adapter = _adapters[event.name]
    return {"name": event.name, "schema": str(event.schema), "data": adapter.dump_json(event).decode()}


def decoded(wire: Wire) -> Event | None:
    """The event that travelled; None for what this process does not know."""
    kind, adapter = _adapters.get(wire.get("name", ""), (None, None))
    if kind is None or adapter is None or wire.get("schema") not in {str(kind.schema), str(kind.schema - 1)}:
        return None
    try:
        return adapter.validate_json(wire.get("data", ""))
    except ValidationError:
        return None


def json_schema(kind: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event's fields (2020-12)."""
    _, adapter = _adapters[kind.name]
    described = adapter.json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **described,
        "title": kind.name,
        "description": (kind.__doc__ or "").strip(),
        "$comment": f"schema version {kind.schema}",
    }
