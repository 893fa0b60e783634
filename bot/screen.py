"""The first screen: what is on, what is off and why, and the address to open."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.config import Settings


def draw(
    settings: Settings,
    *,
    nodes: dict[str, str],
    streams: bool,
    discord: str,
    telegram: str,
    tracks: int,
    plans: str | None = None,
    surfaces: Mapping[str, str | None] | None = None,
) -> str:
    """At most a screenful of plain text."""
    rows = [
        ("Page", f"on     {settings.public_url}  (listening on {settings.host}:{settings.port})"),
        ("Discord", _discord(discord)),
        ("Telegram", _telegram(telegram)),
        *((name.capitalize(), trouble or "on") for name, trouble in (surfaces or {}).items()),
        *((f"Node {name}", "on" if state == "up" else f"off    {state}") for name, state in nodes.items()),
        ("Database", _database(settings)),
        ("Library", _library(settings, tracks)),
        *([("Plans", plans)] if plans else []),
    ]
    if "up" in nodes.values() and not streams:
        rows.append(("Web streams", "off    no node has the chorus extension: add builtin to LAVALINK_NODES"))
    if not nodes:
        rows.insert(3, ("Nodes", "off    none is set: LAVALINK_NODES"))
    lines = [f"  {name:<14} {text}" for name, text in rows]
    return "\n".join(
        ["", "  Chorus is up.", "", *lines, "", f"  Open {settings.public_url}", "  Ctrl-C stops it.", "", ""]
    )


def _discord(state: str) -> str:
    return {"off": "off    set DISCORD_TOKEN to bring it to a guild", "up": "on"}.get(state, state)


def _telegram(state: str) -> str:
    return {"off": "off    set TELEGRAM_TOKEN to bring it to a chat", "up": "on"}.get(state, state)


def _database(settings: Settings) -> str:
    url = urlsplit(settings.database)
    if url.scheme.startswith("sqlite"):
        return f"on     SQLite, {url.path.removeprefix('/')} (production: set DATABASE_URL to PostgreSQL)"
    return f"on     PostgreSQL at {url.hostname or 'a local socket'}"


def _library(settings: Settings, tracks: int) -> str:
    if not settings.library_paths:
        return "on     demo tracks (your music: set LIBRARY_PATHS)"
    folders = ", ".join(str(path) for path in settings.library_paths)
    return f"on     {tracks} tracks so far in {folders}"
