"""What a place does not want to hear: tracks, artists, words in titles or artists, and domains."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from unicodedata import normalize
from urllib.parse import urlsplit

from core.enums import BlockKind
from core.types import Block, Entry, Track

_TOKEN = re.compile(r"[\w\u0300-\u036f\u0900-\u0dff\u0e31-\u0e4e\u200c\u200d]+|[^\w\s]")
"""A word (with the combining marks of the scripts whose words need them) or a single sign."""


_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://.*")

FEW = 8
"""So many phrases are looked for one by one."""


def folded(text: str) -> str:
    """Text as it is compared: compatible characters and cases are one."""
    if text.isascii():  # the same, ten times as fast
        return text.lower().strip()
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
        self._kinds = {line.kind for line in blocks}
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
                yield from self._found(folded(text))

    def _keys(self, track: Track) -> Iterator[tuple[BlockKind, str]]:
        if BlockKind.TRACK in self._kinds:
            yield BlockKind.TRACK, track.ref
        if BlockKind.ARTIST in self._kinds:
            yield BlockKind.ARTIST, " ".join(folded(track.artist).split())
        if BlockKind.DOMAIN in self._kinds:
            yield from ((BlockKind.DOMAIN, domain) for domain in _domains(track))

    def _found(self, text: str) -> Iterator[Block]:
        if len(self._phrases) <= FEW and not any(first in text for first in self._phrases):
            return  # quicker than taking it to pieces
        words = _TOKEN.findall(text)
        for at, word in enumerate(words):
            for phrase, line in self._phrases.get(word, ()):
                if words[at : at + len(phrase)] == phrase:
                    yield line


def _domains(track: Track) -> Iterator[str]:
    """The hosts that a track comes from, and the domains above them."""
    for text in (track.ref, track.uri or ""):
        address = _ADDRESS.search(text) if "://" in text else None
        labels = host_of(address[0]).split(".") if address else []
        yield from (".".join(labels[start:]) for start in range(len(labels)))


@lru_cache(256)
def blocklist_of(blocks: tuple[Block, ...]) -> Blocklist:
    """The list of a place's settings; made once for each."""
    return Blocklist(blocks)


def meant(line: Block, entries: Iterable[Entry]) -> list[Entry]:
    """The entries that a single line keeps out; ten thousand are no burden."""
    alone, suspicious = Blocklist((line,)), _suspicion(line)
    return [entry for entry in entries if suspicious(entry.track) and alone.line(entry.track)]


def _suspicion(line: Block) -> Callable[[Track], bool]:
    """Quick to ask; true of all tracks that the line keeps out, and of few others."""
    part = line.value
    match line.kind:
        case BlockKind.TRACK:
            return lambda track: track.ref == part
        case BlockKind.DOMAIN:
            return lambda track: _may_lead(track.ref, part) or (track.uri is not None and _may_lead(track.uri, part))
        case BlockKind.ARTIST:
            first = part.split()[0]
            return lambda track: _may_say(track.artist, first)
        case BlockKind.WORD:
            first, *_ = _TOKEN.findall(part) or [part]
            return lambda track: _may_say(track.title, first) or _may_say(track.artist, first)


def _may_say(text: str, part: str) -> bool:
    return part in text.lower() if text.isascii() else part in folded(text)


def _may_lead(text: str, domain: str) -> bool:
    if "://" not in text:
        return False
    return domain in text.lower() or not (text.isascii() and text.isprintable())  # which may be spelled otherwise
