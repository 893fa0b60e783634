"""What stripe-python's classes declare, resolved: they are generated from the specification of the pinned version."""

import builtins
import sys
import types
import typing
from functools import cache
from typing import Any, Union, get_args, get_origin

import stripe
import typing_extensions

NoneType = type(None)


class _Names(dict[str, Any]):
    """Names that the class's module imports for type checkers only are looked up in the package."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        return getattr(typing, name, None) or getattr(stripe, name, Any)


@cache
def hints_of(class_: type) -> dict[str, Any]:
    """The declared fields of a class (of objects or of parameters) with their types."""
    module = vars(sys.modules[class_.__module__])
    inner = {} if typing_extensions.is_typeddict(class_) else vars(class_)
    # In a class's own namespace a field may hide the builtin of the same name.
    names = _Names(
        {name: value for name, value in {**module, **inner}.items() if isinstance(value, type) or name[0].isupper()}
    )
    found = typing_extensions.get_type_hints(class_, module, names)
    return {name: hint for name, hint in found.items() if get_origin(hint) is not typing.ClassVar and name[0] != "_"}


@cache
def fields_of(class_: type) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The declared fields of a class, each with its alternatives."""
    return tuple((name, choices(hint)) for name, hint in hints_of(class_).items())


def choices(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the one type itself."""
    if get_origin(hint) in {Union, types.UnionType}:
        return tuple(inner for one in get_args(hint) for inner in choices(one))
    return (hint,)
