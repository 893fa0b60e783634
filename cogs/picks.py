"""Naming several waiting entries at once by their numbers: `3 5 7-9`."""

import re

MOST = 50
"""Entries that one command may name."""
FARTHEST = 1_000
"""How far down the queue several can be named; one alone, anywhere."""
_SEVERAL = re.compile(r"\d{1,6}(?:\s*[-–]\s*\d{1,6})?(?:[\s,;]+\d{1,6}(?:\s*[-–]\s*\d{1,6})?)*", re.ASCII)
_PART = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


def ranks(text: str) -> list[int] | None:
    """The numbers meant, each once, at most `MOST`; None when the text is not made of numbers and spans."""
    if not _SEVERAL.fullmatch(text.strip()):
        return None
    found: dict[int, None] = {}
    for first, last in _PART.findall(text):
        low, high = sorted((int(first), int(last or first)))
        found.update(dict.fromkeys(range(max(1, low), min(high, low + MOST) + 1)))
    return list(found)[:MOST]
