"""The words of the chat surfaces as Telegram shows them: HTML in messages, plain text in toasts.

Their notation is Discord's: `**bold**`, backslash escapes, times as `<t:seconds:R>`.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import escape

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_timedelta

from cogs.telegram.stars_only import without_links

TOAST = 200
"""Telegram's longest answer to a press."""
_TOKEN = re.compile(
    r"\\(?P<literal>[^a-zA-Z0-9\s])|(?P<bold>\*\*)|(?P<code>`)|<t:(?P<time>\d+):(?P<style>\w)>|<#(?P<channel>\d+)>|<@&?(?P<who>\d+)>"
)


def html(text: str, language: str, now: int) -> str:
    """Text in HTML for a message; `now` in UTC ms, for times that people read as distances."""
    parts: list[str] = []
    open_: list[str] = []
    for kind, value in _tokens(text, language, now):
        if kind == "text":
            parts.append(escape(value, quote=False))
        elif kind in open_:
            open_.remove(kind)
            parts.append(f"</{kind}>")
        else:
            open_.append(kind)
            parts.append(f"<{kind}>")
    return "".join([*parts, *(f"</{kind}>" for kind in reversed(open_))])


def plain(text: str, language: str, now: int, limit: int = TOAST) -> str:
    """Text without any markup, and without links to payments, cut."""
    line = without_links("".join(value for kind, value in _tokens(text, language, now) if kind == "text"))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _tokens(text: str, language: str, now: int) -> Iterator[tuple[str, str]]:
    at = 0
    for found in _TOKEN.finditer(text):
        yield "text", text[at : found.start()]
        at = found.end()
        yield _token(found, language, now)
    yield "text", text[at:]


def _token(found: re.Match[str], language: str, now: int) -> tuple[str, str]:
    kind = found.lastgroup
    if kind == "bold":
        return "b", ""
    if kind == "code":
        return "code", ""
    if kind == "style":
        return "text", _time(int(found["time"]) * 1000, found["style"], language, now)
    return "text", found["literal"] or ("#" if kind == "channel" else "@")


def _time(at: int, style: str, language: str, now: int) -> str:
    show: dict[str, Callable[[Locale], str]] = {
        "R": lambda locale: format_timedelta(timedelta(milliseconds=at - now), add_direction=True, locale=locale),
        "t": lambda locale: format_datetime(_utc(at), "HH:mm", locale=locale),
    }
    return show.get(style, lambda locale: format_datetime(_utc(at), "short", locale=locale))(_locale(language))


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
