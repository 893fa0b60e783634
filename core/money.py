"""Amounts as people read them."""

NO_MINOR = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
"""Currencies whose smallest unit is the whole one at Stripe (ISO 4217, lower case).

The Ugandan shilling is not among them, though it has no smaller unit: it is charged in hundredths, like the Icelandic
króna (docs.stripe.com/currencies#special-cases).
"""
THOUSANDTHS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def digits(currency: str) -> int:
    """How many digits Stripe's amounts of a currency have after the point."""
    return 0 if currency in NO_MINOR else 3 if currency in THOUSANDTHS else 2


def money(amount: int, currency: str) -> str:
    """`4.99 EUR`, `500 JPY`: the digits that the currency has."""
    places = digits(currency)
    whole, rest = divmod(abs(amount), 10**places)
    number = f"{whole:,}" + (f".{rest:0{places}}" if places else "")
    return f"{'-' if amount < 0 else ''}{number} {currency.upper()}"
