"""Writes the JSON Schema of every event: `python -m bot.event_schemas`."""

import json
import sys
from pathlib import Path

from db.event_wire import json_schema, kinds

FOLDER = Path(__file__).parents[1] / "docs" / "events"


def schemas() -> dict[str, str]:
    """File name → text; a file for each event at its schema version."""
    return {f"{kind.name}.{kind.schema}.json": json.dumps(json_schema(kind), indent=2) + "\n" for kind in kinds()}


def write(folder: Path) -> list[str]:
    """Write those that are missing; the names of those that say something else already, which are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    clashes: list[str] = []
    for name, text in schemas().items():
        path = folder / name
        if path.exists() and fields(path.read_text()) != fields(text):
            clashes.append(name)
        else:
            path.write_text(text)
    return clashes


def fields(text: str) -> object:
    """What a schema says about the fields; wording aside."""
    described = json.loads(text)
    return described["properties"], described.get("required", []), described.get("$defs")


if __name__ == "__main__":
    for clash in (clashes := write(FOLDER)):
        sys.stderr.write(f"{clash}: the event's fields changed; raise its `schema` in core/events.py\n")
    sys.exit(bool(clashes))
