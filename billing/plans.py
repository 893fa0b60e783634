"""The plans of this installation, read from a file."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.enums import Filters
from core.types import Limits

MINUTE = 60_000


class PlansError(Exception):
    """The plans cannot be used; the message says what is wrong."""


class _Plan(BaseModel):
    """A table of the file, in the units that operators write."""

    model_config = ConfigDict(extra="forbid")

    queue: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    per_person: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    longest_track: Annotated[int, Field(strict=True, ge=1, le=24 * 60)]
    bitrate: Annotated[int, Field(strict=True, ge=8, le=384)]
    filters: Filters
    crossfade: Annotated[int, Field(strict=True, ge=0, le=12)]
    loudness: Annotated[bool, Field(strict=True)]
    panel: Annotated[bool, Field(strict=True)]
    rtmp: Annotated[int, Field(strict=True, ge=0, le=100)]
    history: Annotated[int, Field(strict=True, ge=1, le=36_500)] | Literal["forever"]

    def limits(self, name: str) -> Limits:
        """The same for the rules."""
        return Limits(
            plan=name,
            entries_per_person=self.per_person,
            queue=self.queue,
            length=self.longest_track * MINUTE,
            panel=self.panel,
            history_days=None if self.history == "forever" else self.history,
            filters=self.filters,
            crossfade=self.crossfade * 1000,
            loudness=self.loudness,
            bitrate=self.bitrate * 1000,
            rtmp=self.rtmp,
        )


_file: TypeAdapter[dict[str, _Plan]] = TypeAdapter(Annotated[dict[str, _Plan], Field(min_length=1)])


class Plans:
    """What each plan allows, the lowest first; `default` is the one of everybody, whatever else they have."""

    def __init__(self, limits: Mapping[str, Limits], default: str) -> None:
        if default not in limits:
            raise PlansError(f"there is no plan {default!r}, only {', '.join(limits)}")
        self._limits = dict(limits)
        self._rank = {name: rank for rank, name in enumerate(limits)}
        self.default = default

    @property
    def names(self) -> Collection[str]:
        """The lowest first."""
        return self._limits.keys()

    def highest(self, plans: Collection[str]) -> Limits:
        """The limits of the highest of these and the default; names that the file has not are passed over."""
        known = [name for name in plans if name in self._rank]
        return self._limits[max([self.default, *known], key=self._rank.__getitem__)]


def read_plans(file: Path) -> dict[str, Limits]:
    """Limits by plan, in the order of the file. Raises PlansError with what is wrong and where."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        return {name: plan.limits(name) for name, plan in _file.validate_python(raw).items()}
    except OSError as error:
        raise PlansError(f"{file} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise PlansError(f"{file}: {_problems(error)}") from None
    except ValueError as error:  # no UTF-8, or no TOML
        raise PlansError(f"{file}: {error}") from None


def _problems(error: ValidationError) -> str:
    """What is wrong with which key; a key that may be one of several kinds is named once."""
    told: dict[str, str] = {}
    for problem in error.errors():
        told.setdefault(".".join(map(str, problem["loc"][:2])) or "the file", problem["msg"])
    return "; ".join(f"{where}: {what}" for where, what in told.items())
