"""Objects exactly as the pinned version has them: every field is there, null where it may be, and no other."""

from typing import Any, Literal, TypeVar, get_args, get_origin

import orjson
from stripe import StripeObject

from tests.simulators.stripe.hints import NoneType, choices, fields_of

Json = dict[str, Any]
T = TypeVar("T")

ABSENT = {
    "Account": {
        "deleted",
        "groups",
        "legal_entity",
        "external_accounts",
        "future_requirements",
        "company",
        "individual",
    },
    "Charge": {"refunds", "level3", "fx_quote"},
    "Coupon": {"applies_to", "currency_options", "deleted"},
    "Customer": {"cash_balance", "deleted", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"},
    "Discount": {"deleted"},
    "Event": {"account", "context"},
    "Invoice": {"confirmation_secret", "deleted", "payments", "threshold_reason"},
    "Price": {"currency_options", "deleted", "tiers"},
    "Product": {"deleted", "provisioning"},
    "Restrictions": {"currency_options"},
    "Session": {"line_items", "optional_items", "presentment_details"},
    "Subscription": {"presentment_details", "next_pending_invoice_item_invoice_amount"},
    "SubscriptionItem": {"deleted"},
    "WebhookEndpoint": {"deleted", "secret"},
}
"""Fields that are left out unless they are asked for, or unless there is something to say."""

SPARSE = {"Account.Capabilities", "InvoicePayment.Payment", "PaymentIntent.NextAction", "PaymentMethod"}
"""Those with a field for each kind there is: only the one that applies is there."""


def shape(class_: type, /, **fields: Any) -> Json:
    """An object of `class_` with these fields and null for every other. AssertionError if that is not one."""
    declared = fields_of(class_)
    unknown = set(fields).difference(name for name, _ in declared)
    assert not unknown, f"{class_.__qualname__} has no {unknown}"
    left_out = ABSENT.get(class_.__name__, set[str]())
    whole: Json = {}
    for name, kinds in declared:
        if name in fields:
            whole[name] = _fitting(kinds, fields[name], class_, name)
        elif name not in left_out and not (class_.__qualname__ in SPARSE and NoneType in kinds):
            assert NoneType in kinds, f"{class_.__qualname__}.{name} is never null"
            whole[name] = None
    return whole


def conforms(class_: type, value: Json) -> Json:
    """The object again, checked. AssertionError."""
    return shape(class_, **value)


def copied(row: T) -> T:
    """A copy that shares nothing with it: objects are what JSON can say."""
    return orjson.loads(orjson.dumps(row))


def _fitting(kinds: tuple[Any, ...], value: Any, class_: type, name: str) -> Any:
    named = any(get_origin(one) is Literal for one in kinds)
    for one in kinds:
        if one is str and named:
            continue  # an enumeration; the library leaves it open for later versions
        if one is Any or (value is None and one is NoneType):
            return value
        if isinstance(value, dict) and isinstance(one, type) and issubclass(one, StripeObject):
            return value if "object" in value else _inner(one, value)
        if isinstance(value, dict) and isinstance(get_origin(one), type):
            return value  # a list of objects, or a map
        if isinstance(value, list) and get_origin(one) is list:
            return [_fitting(choices(get_args(one)[0]), each, class_, name) for each in value]
        if _is(one, value):
            return value
    raise AssertionError(f"{class_.__qualname__}.{name} is no {kinds}: {value!r}")


def _inner(class_: type, value: Json) -> Json:
    return shape(class_, **value) if fields_of(class_) else value


def _is(hint: Any, value: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is float or getattr(hint, "__name__", "") == "Decimal":
        return isinstance(value, int | float | str) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(hint, type) and hint in {str, bool} and isinstance(value, hint)


def listed(url: str, data: list[Any], *, has_more: bool = False) -> Json:
    """A page of objects."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
