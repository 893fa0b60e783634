"""The page's words in the person's language; English is what the source says."""

import gettext
import io
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = ("en", "es")
FOLDER = Path(__file__).parent / "locales"


@lru_cache
def translations(locale: str) -> gettext.NullTranslations:
    """The catalogue of one of LOCALES, compiled when it is first asked for."""
    path = FOLDER / f"{locale}.po"
    if not path.exists():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=locale))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def preferred(accept_language: str) -> str:
    """The best of LOCALES for an `Accept-Language` header."""
    wishes: list[tuple[float, str]] = []
    for item in accept_language.split(","):
        tag, _, quality = item.strip().partition(";q=")
        wishes.append((_quality(quality), tag.split("-")[0].lower()))
    known = [wish for wish in sorted(wishes, key=lambda wish: -wish[0]) if wish[1] in LOCALES]
    return known[0][1] if known else LOCALES[0]


def _quality(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
