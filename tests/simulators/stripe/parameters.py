"""Strictness about parameters: names, types and values as the pinned version's specification has them."""

from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args, get_origin

import stripe
import typing_extensions
from stripe import params as published

from tests.simulators.stripe.errors import ApiError, invalid
from tests.simulators.stripe.hints import choices, hints_of

OPTIONS = set(hints_of(stripe.RequestOptions))
"""What the library takes beside the parameters and never sends."""


def specification(name: str) -> type:
    """`checkout.SessionCreateParams` → the class that stripe-python publishes."""
    found: Any = published
    for part in name.split("."):
        found = getattr(found, part)
    return found


def checked(class_: type, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters with their types (int, bool, …). Raises ApiError for what the specification does not have."""
    return _object(class_, given, "")


def _object(class_: Any, given: Any, at: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid(f"Invalid object: {at}", at, stored=False)
    hints = {name: hint for name, hint in hints_of(class_).items() if name not in OPTIONS}
    for name in given:
        if name not in hints:
            raise _unknown(_named(at, name))
    for name in class_.__required_keys__ & set(hints):
        if name not in given:
            raise invalid(
                f"Missing required param: {_named(at, name)}.", _named(at, name), "parameter_missing", stored=False
            )
    return {name: _value(hints[name], value, _named(at, name)) for name, value in given.items()}


def _named(at: str, name: str) -> str:
    return f"{at}[{name}]" if at else name


def _unknown(name: str) -> ApiError:
    if name.endswith("payment_method_types"):
        told = "`payment_method_types` is no longer supported. Use `allowed_payment_method_types` instead."
        return invalid(told, name, "payment_method_types_no_longer_supported", stored=False)
    return invalid(f"Received unknown parameter: {name}", name, "parameter_unknown", stored=False)


def _value(hint: Any, given: Any, at: str) -> Any:
    """The first alternative that fits. Raises the most telling error of those that do not."""
    alternatives = choices(hint)
    names = [value for one in alternatives if get_origin(one) is Literal for value in get_args(one) if value]
    if names and str in alternatives:  # an enumeration; the library leaves it open for later versions
        alternatives = tuple(one for one in alternatives if one is not str)
    failed: ApiError | None = None
    for one in alternatives:
        try:
            return _as(one, given, at)
        except ApiError as error:
            failed = error if failed is None or isinstance(given, dict) else failed
    assert failed is not None
    raise failed


def _as(hint: Any, given: Any, at: str) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return _one_of(get_args(hint), given, at)
    if origin is list:
        if not isinstance(given, list):
            raise invalid(f"Invalid array: {at}", at, stored=False)
        return [_value(get_args(hint)[0], one, f"{at}[{number}]") for number, one in enumerate(given)]
    if origin is dict:
        if not isinstance(given, dict):
            raise invalid(f"Invalid hash: {at}", at, stored=False)
        return {name: _value(get_args(hint)[1], one, f"{at}[{name}]") for name, one in given.items()}
    if typing_extensions.is_typeddict(hint):
        return _object(hint, given, at)
    if isinstance(given, dict | list):
        raise invalid(f"Invalid string: {at}", at, stored=False)
    return _scalar(hint, given, at)


def _one_of(values: tuple[Any, ...], given: Any, at: str) -> Any:
    for value in values:
        if given == value or (isinstance(value, bool) and given == str(value).lower()):
            return value
    told = ", ".join(str(value) for value in values)
    raise invalid(f"Invalid {at}: must be one of {told}", at, stored=False)


def _scalar(hint: Any, given: str, at: str) -> Any:
    if hint is bool:
        if given not in {"true", "false"}:
            raise invalid(f"Invalid boolean: {given}", at, stored=False)
        return given == "true"
    if hint is int:
        if not given.removeprefix("-").isdecimal():
            raise invalid(f"Invalid integer: {given}", at, "parameter_invalid_integer", stored=False)
        return int(given)
    if hint in {float, Decimal}:
        try:
            return float(Decimal(given))
        except InvalidOperation:
            raise invalid(f"Invalid decimal: {given}", at, stored=False) from None
    return given
