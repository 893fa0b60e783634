"""Every sentence of the page exists in every language, with the same blanks to fill in."""

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from web.languages import FOLDER, LOCALES, preferred

WEB = FOLDER.parent


KEYWORDS: Any = {"_": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"trimmed": "false", "newstyle_gettext": "true", "extensions": "jinja2.ext.i18n"}


def sentences() -> set[str]:
    """What the templates and modules hand to gettext."""
    found: list[Any] = []
    for path in (WEB / "templates").glob("*.html"):
        with path.open("rb") as file:
            found += [message for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), [], OPTIONS)]
    modules = extract_from_dir(str(WEB), [("**.py", "python")], keywords=KEYWORDS)
    found += [message for _, _, message, _, _ in modules]
    return {_first(message) for message in found if message}


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_every_sentence_is_translated(locale: str) -> None:
    with Path(FOLDER / f"{locale}.po").open("rb") as file:
        catalogue = {_first(message.id): message for message in read_po(file) if message.id}
    known, used = set(catalogue), sentences()
    assert len(used) > 90
    assert used - known == set()
    assert known - used == set()
    for text, message in catalogue.items():
        assert message.string, text
        blanks = sorted(re.findall(r"%\(\w+\)[a-z]|\{\w+\}", text))
        assert sorted(re.findall(r"%\(\w+\)[a-z]|\{\w+\}", _first(message.string))) == blanks, text


def _first(text: Any) -> str:
    return text if isinstance(text, str) else str(text[0])


@pytest.mark.parametrize(
    ("header", "locale"),
    [("", "en"), ("es", "es"), ("fr,es;q=0.5,en;q=0.4", "es"), ("en;q=0.2,es;q=0.9", "es"), ("es;q=oops,en", "en")],
)  # fmt: skip
def test_language_of_the_browser(header: str, locale: str) -> None:
    assert preferred(header) == locale
