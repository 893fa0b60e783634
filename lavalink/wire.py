"""What all of the protocol's objects are built on."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


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
