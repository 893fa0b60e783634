"""Numbers as people, forms and addresses write them."""

DIGITS = 18
"""As many as a signed 64-bit integer holds for sure."""


def number(text: str) -> int | None:
    """What digits say; None for anything else, and for more than a database holds."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None


def signed(text: str) -> int | None:
    """What digits say, perhaps after a minus, as ids of chats have it; None for anything else."""
    size = number(text.removeprefix("-"))
    return -size if size is not None and text.startswith("-") else size
