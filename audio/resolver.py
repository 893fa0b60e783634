"""From what a person typed or sent to tracks: the library, a file, a link, a playlist, a node's search."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from audio import library_store, node_refs, playlists, podcasts
from audio.chapters import Chapters
from audio.feeds import Episode
from audio.guard import Guard
from audio.library import Library
from audio.library_covers import INDIGO
from audio.media_probe import FeedText, Listing, Prober
from audio.media_sound import Sound, clean
from audio.playlists import Item
from audio.podcasts import Podcasts
from audio.resolver_sources import Source, source_of
from audio.sources import Sources
from audio.uploads import Uploads
from core.errors import NothingFoundError, SourceOffError, UnplayableError
from core.ports.tracks import Attachment, Chapter, Found, ListLine, Show
from core.types import Track, TrackRef

GOOD_ENOUGH = 0.72
"""How well a library track has to match a search to be queued unseen."""
PLAYLIST_TIMEOUT = 15.0
"""Seconds that the tracks of a playlist may take together; those that took longer are left out."""
LOOKS = 6

Load = Callable[[str, int], Awaitable[Found]]
"""Lets a node resolve an identifier to at most so many tracks."""

_LINK = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Way:
    """The lists that led to an address, and the turns in which everything behind one link is looked at."""

    turns: asyncio.Semaphore
    lists: tuple[str, ...] = ()

    def on(self, address: str) -> "_Way":
        """The way through one more list. Raises UnplayableError when that leads nowhere."""
        if address in self.lists or len(self.lists) > playlists.DEPTH:
            raise UnplayableError("bad_link")
        return _Way(self.turns, (*self.lists, address))


class Resolver:
    """The port `core.ports.tracks.Resolver`.

    `managers` names the source managers that the nodes offer now; `load` asks such a node (None: no node can be asked).
    """

    def __init__(
        self,
        library: Library,
        uploads: Uploads,
        guard: Guard,
        prober: Prober,
        managers: Callable[[], frozenset[str]],
        *,
        load: Load | None = None,
        sources: Sources | None = None,
    ) -> None:
        self._library = library
        self._uploads = uploads
        self._guard = guard
        self._prober = prober
        self._managers = managers
        self._load = load
        self._sources = sources or Sources()
        self._podcasts = Podcasts(prober)
        self._chapters = Chapters(library, uploads, prober)

    def local(self, query: str) -> bool:
        """Whether this query can be answered at once, without the network."""
        query = _bare(query)
        foreign = _LINK.match(query) or query.startswith(podcasts.PREFIX) or source_of(query) or self._sources.of(query)
        return not foreign

    async def resolve(self, query: str | Attachment, *, limit: int) -> Found:
        """At most `limit` tracks, in the order of their list.

        Raises:
            NothingFoundError: nothing in the library matches well enough.
            SourceOffError: the link or prefix belongs to a source that no node offers.
            UnplayableError: the link or file cannot be played.
            StoreUnavailableError: an upload cannot be written.
        """
        if isinstance(query, Attachment):
            return Found((await self._uploads.save(query),))
        query = _bare(query)
        if source := source_of(query):
            return await self._load_from(source, query, limit)
        if further := self._sources.of(query):
            return await further.find(query, limit)
        if _LINK.match(query):
            return await self._follow(query, limit)
        if query.startswith(podcasts.PREFIX):
            return await self._episode(*self._podcasts.named(query))
        return Found((await self._find(query),))

    async def _load_from(self, source: Source, query: str, limit: int) -> Found:
        """What only an operator's node, or a source that the operator switched on, can find."""
        if self._load is not None and source.manager in self._managers():
            return await self._load(query, limit)
        further = self._sources.of(query)
        if further is None:
            raise SourceOffError(source.name)
        return await further.find(query, limit)

    async def chapters(self, track: Track) -> Sequence[Chapter]:
        """The chapters of a track, in order; none when it has fewer than two."""
        return await self._chapters.of(track)

    async def episodes(self, link: str) -> Show | None:
        """The podcast behind a link; None when there is none."""
        link = _bare(link)
        if not _LINK.match(link) or source_of(link):
            return None
        try:
            return await self._podcasts.show(str(self._guard.check(link)))
        except UnplayableError:
            return None

    async def look_up(self, lines: Sequence[ListLine]) -> Sequence[Track | None]:
        """What each line of a list stands for; None where that is unknown, or may not be played.

        A link is believed to be what its line says, and looked at only where that says too little. A path is only a
        name: nothing is read for it.
        """
        turns = asyncio.Semaphore(LOOKS)
        tasks = [asyncio.create_task(self._line(line, turns)) for line in lines]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=PLAYLIST_TIMEOUT)
        finally:
            for task in tasks:
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)  # any reason will do: it is unknown
        return [None if isinstance(result, BaseException) else result for result in results]

    async def _line(self, line: ListLine, turns: asyncio.Semaphore) -> Track | None:
        if node_refs.manager_of(TrackRef(line.address)) is not None:
            return self._node_track(line)
        if _LINK.match(line.address):
            item = Item(line.address, line.title, line.artist, line.length)
            return next(iter(await self._item(item, 1, _Way(turns))), None)
        if line.address.startswith(library_store.PREFIX):
            known = await self._library.track(TrackRef(line.address))
            if known is not None:
                return known
        return await self._find(f"{line.artist} {line.title}".strip())

    def _node_track(self, line: ListLine) -> Track | None:
        """What only nodes can play is believed to be what its line says, while a node offers its source."""
        ref = TrackRef(line.address)
        link = node_refs.identifier_of(ref) or ""
        source = source_of(link)
        if source is None or source.manager != node_refs.manager_of(ref) or source.manager not in self._managers():
            return None
        return Track(ref, line.title, line.artist, line.length, accent=INDIGO, uri=link) if line.title else None

    async def _find(self, query: str) -> Track:
        """A library track by its reference or by what is known about it."""
        if query.startswith(library_store.PREFIX):
            track = await self._library.track(TrackRef(query))
        else:
            ranked = await self._library.ranked(query, limit=1) if query else ()
            track = next((track for track, score in ranked if score >= GOOD_ENOUGH), None)
        if track is None:
            raise NothingFoundError(query)
        return track

    async def _follow(self, address: str, limit: int) -> Found:
        """The track or the tracks behind a link."""
        url = str(self._guard.check(address))
        return await self._open(url, await self._prober.look(url), limit, _Way(asyncio.Semaphore(LOOKS)))

    async def _open(self, url: str, found: Sound | Listing | FeedText, limit: int, way: "_Way") -> Found:
        """What was found at an address, to which this way led."""
        if isinstance(found, Sound):
            return Found((_track(url, found.title, found.artist, found.length),))
        if isinstance(found, FeedText):
            feed = await self._podcasts.read(url, found)
            return await self._episode(feed.title, feed.episodes[0])
        if found.kind == "hls":
            return Found((await self._hls(url, found),))
        return await self._playlist(url, found, limit, way.on(url))

    async def _episode(self, show: str, episode: Episode) -> Found:
        """An episode as it is, not as its feed says: hosts put advertisements in. Raises UnplayableError."""
        url = str(self._guard.check(episode.address))
        found = await self._prober.look(url)
        if not isinstance(found, Sound):
            raise UnplayableError("not_audio")
        return Found((_track(url, episode.title or found.title, show or found.artist, found.length),), resumes=True)

    async def _hls(self, address: str, listing: Listing) -> Track:
        """One track; the length stands in a media playlist, so a master playlist's first variant is read."""
        variants = playlists.hls_variants(listing.text, listing.base)
        inner = listing
        if variants:
            looked = await self._prober.look(str(self._guard.check(variants[0])))
            if not isinstance(looked, Listing) or looked.kind != "hls":
                raise UnplayableError("corrupt")
            if playlists.hls_variants(looked.text, looked.base):
                raise UnplayableError("corrupt")
            inner = looked
        return _track(address, "", "", playlists.hls_length(inner.text))

    async def _playlist(self, address: str, listing: Listing, limit: int, way: "_Way") -> Found:
        playlist = playlists.parse(listing.kind, listing.text, listing.base)
        if not playlist.items:
            raise UnplayableError("corrupt")
        tracks = await self._items(playlist.items[:limit], limit, way)
        return Found(tuple(tracks[:limit]), clean(playlist.title) or _name(address))

    async def _items(self, items: Sequence[Item], limit: int, way: "_Way") -> list[Track]:
        """The tracks of a list's items, looked at side by side; one live stream stands for a list of them.

        A list of streams is a station with several servers, and nothing after a stream would ever be reached.
        """
        tasks = [asyncio.create_task(self._item(item, limit, way)) for item in items]
        try:
            await asyncio.wait(tasks, timeout=PLAYLIST_TIMEOUT)
        finally:
            for task in tasks:
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        tracks = [track for result in results if not isinstance(result, BaseException) for track in result]
        if not tracks:
            raise _worst(results)
        live = [track for track in tracks if track.length is None]
        return live[:1] if len(live) == len(tracks) else [track for track in tracks if track.length is not None]

    async def _item(self, item: Item, limit: int, way: "_Way") -> Sequence[Track]:
        """What one line of a list stands for; a line that says what it is and how long is believed."""
        url = str(self._guard.check(item.address))
        if source := source_of(url):
            raise SourceOffError(source.name)
        if item.length is not None and item.title:
            return (_track(url, item.title, item.artist, item.length),)
        async with way.turns:
            looked = await self._prober.look(url)
        if isinstance(looked, Sound):
            return (_track(url, item.title or looked.title, item.artist or looked.artist, looked.length),)
        return (await self._open(url, looked, limit, way)).tracks


def _bare(query: str) -> str:
    """Without what chats put around a link."""
    query = query.strip()
    return query[1:-1].strip() if query.startswith("<") and query.endswith(">") else query


def _track(address: str, title: str, artist: str, length: int | None) -> Track:
    return Track(
        ref=TrackRef(f"url:{address}"),
        title=clean(title) or _name(address),
        artist=clean(artist),
        length=length,
        accent=INDIGO,
        uri=address,
    )


def _name(address: str) -> str:
    """The file's name in an address, else its host."""
    parts = urlsplit(address)
    return clean(unquote(PurePosixPath(parts.path).stem)) or parts.hostname or "?"


def _worst(results: Sequence[Sequence[Track] | BaseException]) -> BaseException:
    """The first reason why nothing of a list can be played."""
    told = (result for result in results if isinstance(result, (UnplayableError, SourceOffError)))
    return next(told, UnplayableError("timeout"))
