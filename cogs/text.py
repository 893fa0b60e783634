"""Other people's text made safe for a message, and times as people write them."""

import re
import unicodedata

import discord

_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+)")
_RTL = {"R", "AL"}


def safe(text: str, limit: int = 80) -> str:
    """A title or name on one line, cut, without Markdown or mentions; right-to-left text stays in its place."""
    line = " ".join("".join(char for char in text if not _is_control(char)).split())
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    line = discord.utils.escape_mentions(discord.utils.escape_markdown(line, ignore_links=False))
    rtl = any(unicodedata.bidirectional(char) in _RTL for char in line)
    return f"\u2068{line}\u2069" if rtl else line


def plain(text: str, limit: int) -> str:
    """Text for a place that shows no Markdown (a choice of an option): one line, cut."""
    line = " ".join(text.split()) or "?"
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _is_control(char: str) -> bool:
    """Controls and the invisible ones that turn the direction of text; joiners of emoji stay."""
    return unicodedata.category(char) in {"Cc", "Cf"} and char not in "\u200d\n\t"


def length(ms: int | None) -> str:
    """`4:05`, `1:02:09`; `live` sources have none."""
    if ms is None:
        return "∞"
    minutes, seconds = divmod(max(0, ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def position(text: str) -> int | None:
    """`90`, `1:30` or `1:02:09` in ms; None when it is no time."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000


def bar(done: float, width: int = 14) -> str:
    """How far something is, from 0 to 1."""
    at = min(width - 1, max(0, int(done * width)))
    return "▬" * at + "🔘" + "▬" * (width - 1 - at)
