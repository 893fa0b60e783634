"""Everything that there is, by id, and pages of it."""

import itertools
import secrets
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.simulators.stripe.errors import missing
from tests.simulators.stripe.shapes import Json, listed


class Objects:
    """The objects of the platform and of its connected accounts, in the order of their making."""

    def __init__(self) -> None:
        self._rows: dict[str, Json] = {}
        self._kinds: dict[str, dict[str, Json]] = defaultdict(dict)
        self._owners: dict[str, str | None] = {}
        self._numbers = itertools.count(1)
        self._salt = secrets.token_hex(3)

    def new_id(self, prefix: str) -> str:
        """A fresh id: two runs never share one."""
        return f"{prefix}_{self._salt}{next(self._numbers):08d}"

    def add(self, row: Json, account: str | None = None) -> Json:
        """Keep a new object."""
        assert row["id"] not in self._rows, row["id"]
        self._rows[row["id"]] = self._kinds[row["object"]][row["id"]] = row
        self._owners[row["id"]] = account
        return row

    def remove(self, id_: str) -> None:
        """Forget an object."""
        row = self._rows.pop(id_)
        self._kinds[row["object"]].pop(id_)

    def find(self, id_: Any) -> Json | None:
        """An object of any kind by its id."""
        return self._rows.get(id_)

    def get(self, kind: str, id_: Any, account: str | None = None, *, param: str = "id", status: int = 404) -> Json:
        """An object. Raises ApiError."""
        row = self._rows.get(id_)
        if row is None or row["object"] != kind or self._owners[id_] != account:
            raise missing(kind, str(id_), param, status=status)
        return row

    def every(self, kind: str, account: str | None = None, **fields: Any) -> list[Json]:
        """All of a kind with these fields, oldest first."""
        return [
            row
            for id_, row in self._kinds[kind].items()
            if self._owners[id_] == account
            and all(row.get(name) == value for name, value in fields.items() if value is not None)
        ]


def page(url: str, rows: Iterable[Json], params: Json) -> Json:
    """What a list endpoint answers: newest first, `limit`, `starting_after`, `ending_before`, `created`."""
    found = [row for row in reversed(list(rows)) if _created(row, params.get("created"))]
    limit = params.get("limit", 10)
    ids = [row["id"] for row in found]
    if "ending_before" in params:
        end = ids.index(params["ending_before"]) if params["ending_before"] in ids else 0
        return listed(url, found[max(0, end - limit) : end], has_more=end > limit)
    begin = ids.index(params["starting_after"]) + 1 if params.get("starting_after") in ids else 0
    if "starting_after" in params and begin == 0:
        raise missing("object", params["starting_after"], "starting_after", status=400)
    return listed(url, found[begin : begin + limit], has_more=len(found) > begin + limit)


def _created(row: Json, wanted: Any) -> bool:
    if wanted is None:
        return True
    at = row["created"]
    if isinstance(wanted, int):
        return at == wanted
    tests = {"gt": at.__gt__, "gte": at.__ge__, "lt": at.__lt__, "lte": at.__le__}
    return all(tests[name](value) for name, value in wanted.items())
