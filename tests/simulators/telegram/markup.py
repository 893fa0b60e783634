"""Text as Telegram takes it: a few HTML tags, and keyboards with their rules."""

import html
import re
from html.parser import HTMLParser
from typing import Any

from tests.simulators.telegram.errors import bad

LONGEST = 4096
CAPTION = 1024
_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "s": "strikethrough",
    "code": "code", "pre": "pre", "a": "text_link", "tg-spoiler": "spoiler", "blockquote": "blockquote",
}  # fmt: skip
_COMMAND = re.compile(r"(?<![\w/])/[a-z0-9_]{1,32}(?:@\w+)?", re.IGNORECASE)
_BUTTONS = {"url", "callback_data", "web_app", "switch_inline_query", "switch_inline_query_current_chat", "copy_text"}


def units(text: str) -> int:
    """The length in UTF-16 code units, which is how Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[dict[str, Any]] = []
        self._open: list[tuple[str, int, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise bad(f'can\'t parse entities: Unsupported start tag "{tag}"')
        self._open.append((tag, units(self.text), dict(attrs).get("href")))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            raise bad(f'can\'t parse entities: Unmatched end tag "{tag}"')
        _, start, href = self._open.pop()
        length = units(self.text) - start
        if length:
            link = {"url": href} if href else {}
            self.entities.append({"type": _TAGS[tag], "offset": start, "length": length, **link})

    def handle_data(self, data: str) -> None:
        self.text += data

    def done(self) -> tuple[str, list[dict[str, Any]]]:
        if self._open:
            raise bad(f"can't parse entities: Can't find end tag corresponding to start tag {self._open[-1][0]}")
        return self.text, sorted(self.entities, key=lambda one: (one["offset"], -one["length"]))


def formatted(text: str, parse_mode: str | None, *, limit: int = LONGEST) -> tuple[str, list[dict[str, Any]]]:
    """The text that people see, and its entities."""
    entities: list[dict[str, Any]] = []
    if parse_mode == "HTML":
        if re.search(r"&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)", text) or html.unescape(text).count("\0"):
            raise bad("can't parse entities: stray &")
        parser = _Parser()
        parser.feed(text)
        parser.close()
        text, entities = parser.done()
    elif parse_mode is not None:
        raise bad(f"unsupported parse_mode {parse_mode}")
    if not text.strip():
        raise bad("message text is empty")
    if units(text) > limit:
        raise bad("message is too long")
    return text, entities


def commands_in(text: str) -> list[dict[str, Any]]:
    """The commands that a person's text holds."""
    return [
        {"type": "bot_command", "offset": units(text[: found.start()]), "length": units(found[0])}
        for found in _COMMAND.finditer(text)
    ]


def keyboard(markup: Any, chat_type: str) -> Any:
    """An inline keyboard, checked; None stays None."""
    if markup is None or "inline_keyboard" not in markup:
        return markup
    rows = markup["inline_keyboard"]
    if sum(map(len, rows)) > 100 or any(len(row) > 8 for row in rows):
        raise bad("reply markup is too long")
    for button in (one for row in rows for one in row):
        _check(button, chat_type)
    return {"inline_keyboard": rows} if any(rows) else None


def _check(button: dict[str, Any], chat_type: str) -> None:
    kinds = [kind for kind in _BUTTONS if kind in button]
    if not button.get("text") or len(kinds) != 1:
        raise bad("text buttons are unallowed in the inline keyboard")
    if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
        raise bad("BUTTON_DATA_INVALID")
    if "web_app" in button and chat_type != "private":
        raise bad("BUTTON_TYPE_INVALID")
    if "url" in button and not re.match(r"(?:https?://[^/\s]+\.[^/\s]+|tg://)", button["url"]):
        raise bad("BUTTON_URL_INVALID")
