"""Amounts as people read them."""

NO_MINOR = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
"""Currencies whose smallest unit is the whole one at Stripe (ISO 4217, lower case)."""
THOUSANDTHS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def money(amount: int, currency: str) -> str:
    """`4.99 EUR`, `500 JPY`: the digits that the currency has."""
    digits = 0 if currency in NO_MINOR else 3 if currency in THOUSANDTHS else 2
    whole, rest = divmod(abs(amount), 10**digits)
    number = f"{whole:,}" + (f".{rest:0{digits}}" if digits else "")
    return f"{'-' if amount < 0 else ''}{number} {currency.upper()}"
