"""What all of the protocol's objects are built on."""

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]+)?")
FLAGS = {"true": True, "false": False}


def _unquoted(value: object) -> object:
    """The number or flag that a string holds: Lavalink takes both in quotes, and clients send them so."""
    if not isinstance(value, str):
        return value
    if NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return FLAGS.get(value, value)


Integer = Annotated[int, Field(ge=-(2**63), lt=2**63), BeforeValidator(_unquoted)]
Number = Annotated[float, BeforeValidator(_unquoted)]
Flag = Annotated[bool, BeforeValidator(_unquoted)]


class Model(BaseModel):
    """Base of all wire objects: strict types, camelCase outside, unknown keys ignored (so does Lavalink)."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True, hide_input_in_errors=True)

    def wire(self) -> dict[str, Any]:
        """As a JSON-ready dict with the wire's names."""
        return self.model_dump(mode="json", by_alias=True)


class Patch(Model):
    """A partial update: `model_fields_set` tells absent from null; null only where `nullable`."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="after")
    def _refuse_null(self) -> Self:
        for name in self.model_fields_set - self.nullable:
            if getattr(self, name) is None:
                raise ValueError(f"{to_camel(name)} must not be null")
        return self
