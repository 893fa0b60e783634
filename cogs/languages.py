"""What chat surfaces say, in the person's language; English is what the source says."""

import gettext
import io
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "locales"


@lru_cache
def translations(locale: str) -> gettext.NullTranslations:
    """The catalogue of a language by its tag (`es`, `es-ES`), compiled when it is first asked for."""
    language = locale.split("-", maxsplit=1)[0].lower()
    path = FOLDER / f"{language}.po"
    if not language.isalpha() or not path.exists():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
