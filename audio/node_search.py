"""Searches and links that an operator's node resolves."""

import re
from typing import Any

import structlog

from audio.failures import CORRUPT, TIMEOUT, UNREACHABLE, failure
from audio.library_covers import INDIGO
from audio.media_sound import clean
from audio.node_refs import make_ref
from audio.nodes import Nodes
from audio.probe import NODE_ERRORS
from audio.resolver_sources import source_of
from core.errors import NothingFoundError, UnplayableError
from core.ports.tracks import Found
from core.types import Track

OPEN_MANAGERS = frozenset({"http", "local"})
"""Managers that would have a node fetch whatever it is told to: what they find is not accepted."""
NAMELESS = frozenset({"Unknown title", "Unknown artist"})
"""What Lavaplayer writes where it knows nothing."""
_SEARCH = re.compile(r"[a-z]{3,12}:(?!//)", re.IGNORECASE)

log = structlog.get_logger()


class NodeSearch:
    """Asks the least busy node that offers the source."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def load(self, identifier: str, limit: int) -> Found:
        """At most `limit` tracks for a link, or the best one for a search (`prefix:words`).

        Raises:
            NothingFoundError: the source has nothing of that kind.
            UnplayableError: no node that offers the source is up, or it says that this cannot be played.
        """
        source = source_of(identifier)
        node = self._nodes.best(manager=source.manager) if source else None
        if node is None:
            raise UnplayableError(UNREACHABLE)
        try:
            loaded = await node.load(_complete(identifier))
        except TimeoutError:
            raise UnplayableError(TIMEOUT) from None
        except NODE_ERRORS as error:
            log.warning("node could not search", node=node.name, error=type(error).__name__)
            raise UnplayableError(UNREACHABLE) from None
        return _found(identifier, loaded, limit)


def _complete(identifier: str) -> str:
    """A link gets the scheme that people leave out."""
    return identifier if "://" in identifier or _SEARCH.match(identifier) else f"https://{identifier}"


def _found(query: str, loaded: dict[str, Any], limit: int) -> Found:
    """What an answer of `/v4/loadtracks` holds."""
    kind, data = loaded["loadType"], loaded["data"]
    title = None
    match kind:
        case "track":
            tracks = [data]
        case "search":
            tracks = data[:1]
        case "playlist":
            tracks, title = data["tracks"][:limit], clean(data["info"]["name"]) or None
        case "error":
            raise UnplayableError(failure(f"{data.get('message')} {data.get('cause')}"))
        case _:
            tracks = []
    accepted = tuple(_track(track["info"]) for track in tracks if track["info"]["sourceName"] not in OPEN_MANAGERS)
    if tracks and not accepted:
        raise UnplayableError(CORRUPT)
    if not accepted:
        raise NothingFoundError(query)
    return Found(accepted, title)


def _track(info: dict[str, Any]) -> Track:
    uri = info.get("uri") or ""
    link = uri if uri.startswith(("https://", "http://")) else None
    return Track(
        ref=make_ref(info["sourceName"], link or info["identifier"]),
        title=_known(info["title"]) or link or info["identifier"],
        artist=_known(info["author"]),
        length=None if info["isStream"] else info["length"],
        accent=INDIGO,
        uri=link,
    )


def _known(text: str) -> str:
    return "" if text in NAMELESS else clean(text)
