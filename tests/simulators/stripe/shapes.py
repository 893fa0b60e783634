"""Objects exactly as the pinned version has them: every field is there, null where it may be, and no other."""

from typing import Any, Literal, get_args, get_origin

import stripe

from tests.simulators.stripe.hints import NoneType, choices, hints_of, optional

Json = dict[str, Any]

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
    hints = hints_of(class_)
    unknown = set(fields) - set(hints)
    assert not unknown, f"{class_.__qualname__} has no {unknown}"
    left_out = ABSENT.get(class_.__name__, set[str]())
    whole: Json = {}
    for name, hint in hints.items():
        if name in fields:
            whole[name] = _fitting(hint, fields[name], f"{class_.__qualname__}.{name}")
        elif name not in left_out and not (class_.__qualname__ in SPARSE and optional(hint)):
            assert optional(hint), f"{class_.__qualname__}.{name} is never null"
            whole[name] = None
    return whole


def conforms(class_: type, value: Json) -> Json:
    """The object again, checked. AssertionError."""
    return shape(class_, **value)


def _fitting(hint: Any, value: Any, at: str) -> Any:
    for one in choices(hint):
        if one is Any or (value is None and one is NoneType):
            return value
        if isinstance(value, dict) and isinstance(one, type) and issubclass(one, stripe.StripeObject):
            return value if "object" in value else _inner(one, value)
        if isinstance(value, dict) and isinstance(get_origin(one), type):
            return value  # a list of objects, or a map
        if isinstance(value, list) and get_origin(one) is list:
            return [_fitting(get_args(one)[0], each, f"{at}[]") for each in value]
        if _is(one, value):
            return value
    raise AssertionError(f"{at} is no {hint}: {value!r}")


def _inner(class_: type, value: Json) -> Json:
    return shape(class_, **value) if hints_of(class_) else value


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
