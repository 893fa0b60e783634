"""What a place does not want to hear: tracks, artists, words in titles or artists, and domains."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from unicodedata import normalize
from urllib.parse import urlsplit

from core.types import Block, BlockKind, Track

_TOKEN = re.compile(r"[\w\u0300-\u036f\u0900-\u0dff\u0e31-\u0e4e\u200c\u200d]+|[^\w\s]")
"""A word (with the combining marks of the scripts whose words need them) or a single sign."""


_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://.*")


def folded(text: str) -> str:
    """Text as it is compared: compatible characters and cases are one."""
    return normalize("NFKC", normalize("NFKC", text).casefold()).strip()


def block(kind: BlockKind, value: str) -> Block:
    """A line of the list as settings hold it; its value is empty if `value` names nothing of that kind."""
    match kind:
        case BlockKind.TRACK:
            return Block(kind, value.strip())
        case BlockKind.DOMAIN:
            return Block(kind, host_of(value) or host_of(f"//{value.strip()}"))
        case BlockKind.ARTIST | BlockKind.WORD:
            return Block(kind, " ".join(folded(value).split()))


def host_of(address: str) -> str:
    """The host in an address, as name servers know it; empty when there is none."""
    try:
        host = (urlsplit(address.strip()).hostname or "").rstrip(".")
        return host.encode("idna").decode() if not host.isascii() else host
    except ValueError:
        return ""


class Blocklist:
    """The lines of a list, made quick to ask."""

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self._blocks = {(line.kind, line.value): line for line in reversed(blocks)}
        self._phrases: defaultdict[str, list[tuple[list[str], Block]]] = defaultdict(list)
        for line in blocks:
            words = _TOKEN.findall(folded(line.value)) if line.kind is BlockKind.WORD else []
            if words:
                self._phrases[words[0]].append((words, line))

    def line(self, track: Track) -> Block | None:
        """The line that keeps a track out."""
        return next(self._lines(track), None) if self._blocks else None

    def _lines(self, track: Track) -> Iterator[Block]:
        for key in self._keys(track):
            if line := self._blocks.get(key):
                yield line
        if self._phrases:
            for text in (track.title, track.artist):
                yield from self._found(_TOKEN.findall(folded(text)))

    def _keys(self, track: Track) -> Iterator[tuple[BlockKind, str]]:
        yield BlockKind.TRACK, track.ref
        yield BlockKind.ARTIST, " ".join(folded(track.artist).split())
        for text in (track.ref, track.uri or ""):
            address = _ADDRESS.search(text)
            labels = host_of(address[0]).split(".") if address else []
            yield from ((BlockKind.DOMAIN, ".".join(labels[start:])) for start in range(len(labels)))

    def _found(self, words: list[str]) -> Iterator[Block]:
        for at, word in enumerate(words):
            for phrase, line in self._phrases.get(word, ()):
                if words[at : at + len(phrase)] == phrase:
                    yield line


@lru_cache(256)
def blocklist_of(blocks: tuple[Block, ...]) -> Blocklist:
    """The list of a place's settings; made once for each."""
    return Blocklist(blocks)
