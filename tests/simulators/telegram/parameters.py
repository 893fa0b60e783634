"""Reading the parameters of a method: form fields, JSON bodies, files; what is unknown or ill-typed is refused."""

import json
from typing import Any

from aiohttp import web

from tests.simulators.telegram.errors import bad

Json = dict[str, Any]


async def given(request: web.Request) -> Json:
    """What the client sent, by name; files are bytes under their part's name, with `<name>.filename` beside them."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        found |= json.loads(await request.text() or "{}")
    elif request.body_exists:
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                found[name] = value.file.read()
                found[f"{name}.filename"] = value.filename
            else:
                found[name] = value
    return found


def checked(method: str, spec: str, values: Json) -> Json:
    """The parameters as their types; `spec` is `name[!]:type` words, `!` for what must be there."""
    wanted = {part.partition(":")[0]: part.partition(":")[2] for part in spec.split()}
    known = {name.removesuffix("!") for name in wanted}
    attached = {str(value).removeprefix("attach://") for value in values.values() if str(value).startswith("attach://")}
    for name in values:
        if name not in known and name.removesuffix(".filename") not in known | attached:
            raise bad(f"{method}: unknown parameter {name}")
    found: Json = {}
    for name, kind in wanted.items():
        bare = name.removesuffix("!")
        if values.get(bare) is not None:
            found[bare] = _typed(method, bare, kind, values[bare])
            if f"{bare}.filename" in values:
                found[f"{bare}.filename"] = values[f"{bare}.filename"]
        elif name.endswith("!"):
            raise bad(f'{method}: parameter "{bare}" is required')
    return found


def _typed(method: str, name: str, kind: str, value: Any) -> Any:
    try:
        match kind:
            case "int":
                return int(value)
            case "bool":
                return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
            case "json":
                return json.loads(value) if isinstance(value, str) else value
            case "chat":
                return value if str(value).startswith("@") else int(value)
            case _:
                return value if isinstance(value, bytes) else str(value)
    except (ValueError, KeyError):
        raise bad(f"{method}: {name} is no {kind}: {value!r}") from None
