"""A player as it is, a room as it should be heard, and the one PATCH that makes the first like the second."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audio.loudness import bent
from audio.node_refs import identifier_of
from audio.taps import PushTap, stream_tap
from audio.voice_data import VoiceData
from core import playing, sound
from core.filters import rate
from core.ports.tracks import MediaAddress
from core.room import Room
from core.tracing import traceparent
from core.types import Entry, EntryId, RoomId, Track, TrackRef


@dataclass(slots=True)
class Seen:
    """A node's player as it last showed itself. `position` (ms) was right at `at` (monotonic seconds)."""

    entry: EntryId | None = None
    following: EntryId | None = None
    started: bool = False
    paused: bool = False
    volume: int = 100
    filters: dict[str, Any] = field(default_factory=dict[str, Any])
    """As they were sent last, or as the node shows them."""
    following_filters: dict[str, Any] = field(default_factory=dict[str, Any])
    following_source: dict[str, Any] = field(default_factory=dict[str, Any])
    """The address from which what follows was opened, and its data."""
    voice: VoiceData | None = None
    connected: bool = False
    taps: frozenset[str] = frozenset()
    pushes: dict[str, str] = field(default_factory=dict[str, str])
    """How those of its taps do that are pushes."""
    crossfade: int = 0
    """ms by which what follows is to fade in."""
    begins: int = 0
    """ms from where on what follows is to play."""
    bitrate: int | None = None
    """In bit/s, as it was sent last."""
    position: int = 0
    at: float = field(default_factory=time.monotonic)

    @staticmethod
    def read(room: RoomId, player: dict[str, Any]) -> "Seen":
        """From a player object of the node's REST answers."""
        state: dict[str, Any] = player["state"]
        chorus: dict[str, Any] = player.get("chorus") or {}
        following: dict[str, Any] = chorus.get("next") or {}
        return Seen(
            entry=_entry(room, player["track"]),
            following=_entry(room, chorus.get("next")),
            following_source=_source_of(following) if following else {},
            paused=player["paused"],
            volume=player["volume"],
            filters=player.get("filters") or {},
            voice=VoiceData.read(player["voice"]),
            connected=state["connected"],
            taps=frozenset(tap["id"] for tap in chorus.get("taps", ())),
            pushes={tap["id"]: tap["state"] for tap in chorus.get("taps", ()) if "state" in tap},
            crossfade=following.get("crossfadeMs", 0),
            position=state["position"],
        )

    @property
    def rate(self) -> float:
        """How many ms of the track are heard in one ms."""
        return rate(self.filters)

    def remember(self, before: "Seen", body: Mapping[str, Any]) -> None:
        """Sound is known as it was sent, before or in `body`: nodes fill in what they show, and round it."""
        chorus: dict[str, Any] = body.get("chorus", {})
        self.filters = body.get("filters", before.filters)
        self.bitrate = chorus.get("bitrate", before.bitrate)
        if self.following is not None:
            known = {"filters": before.following_filters, "crossfadeMs": before.crossfade, "position": before.begins}
            sent: dict[str, Any] = chorus.get("next") or known
            self.following_filters = sent.get("filters", {})
            self.crossfade, self.begins = sent.get("crossfadeMs", 0), sent.get("position", 0)

    def position_at(self, now: float) -> int:
        """Where the track is at a monotonic time, if the node still plays it."""
        running = self.started and not self.paused
        return self.position + (round((now - self.at) * 1000 * self.rate) if running else 0)

    def join(self, now: float) -> int:
        """What was to follow plays: so many ms of it were heard already (half of a crossfade, docs/nodes.md)."""
        self.following, self.filters, self.following_filters = None, self.following_filters, {}
        heard = round(self.crossfade / 2 * self.rate)
        self.hold(self.begins + heard, now)
        self.crossfade = self.begins = 0
        return heard

    def hold(self, position: int, now: float) -> None:
        """The position is this, now."""
        self.position, self.at = position, now


def _entry(room: RoomId, track: dict[str, Any] | None) -> EntryId | None:
    """Our entry behind a track; 0 for somebody else's, so that it is replaced."""
    if track is None:
        return None
    data: dict[str, Any] = track.get("userData") or {}
    return EntryId(int(data.get("entry", 0))) if data.get("room") == room else EntryId(0)


def _source_of(track: dict[str, Any]) -> dict[str, Any]:
    """What a PATCH would name it by again."""
    return {"identifier": track["info"]["identifier"], "userData": track.get("userData") or {}}


def entry_sent(body: Mapping[str, Any]) -> EntryId | None:
    """The entry whose track a PATCH brings."""
    return body.get("track", {}).get("userData", {}).get("entry")


@dataclass(frozen=True, slots=True)
class Target:
    """How a room should be heard."""

    entry: Entry | None
    following: Entry | None
    paused: bool
    volume: int
    taps: frozenset[str]
    voice: VoiceData | None
    chorus: bool
    filters: dict[str, Any] = field(default_factory=dict[str, Any])
    """Lavalink's JSON, for the entry."""
    pushes: tuple[PushTap, ...] = ()
    following_filters: dict[str, Any] = field(default_factory=dict[str, Any])
    crossfade: int = 0
    bitrate: int | None = None

    @staticmethod
    def of(
        room: Room, *, taps: frozenset[str], voice: VoiceData | None, chorus: bool, bitrate: int | None = None
    ) -> "Target":
        """What the room says. What follows is only told to nodes that can join it gaplessly."""
        return Target(
            entry=room.current.entry if room.current else None,
            following=playing.locked_entry(room) if room.current and chorus else None,
            paused=room.paused is not None,
            volume=room.volume if chorus else round(100 * bent(room.volume / 100)),
            taps=taps if chorus else frozenset(),
            voice=voice,
            chorus=chorus,
            crossfade=sound.heard_crossfade(room),
            bitrate=bitrate,
        )


class Patcher:
    """Makes PATCH bodies for one room's player."""

    def __init__(self, room: RoomId, media: MediaAddress) -> None:
        self._room = room
        self._media = media
        self._covers: dict[str, str | None] = {}  # which picture each push was told last

    def difference(self, seen: Seen, target: Target, *, position: int, seek: bool) -> dict[str, Any]:
        """The body that turns the player into the target; empty when it is like it.

        A new track starts at `position`; `seek` sends the current one there. A paused room gets its track only when
        it goes on.
        """
        body: dict[str, Any] = {}
        if target.voice is not None and not target.voice.same(seen.voice):
            body["voice"] = target.voice.wire()
        body |= self._track(seen, target, position, seek=seek)
        chorus = self._chorus(seen, target, fresh="track" in body)
        if chorus:
            body["chorus"] = chorus
        return body

    def _track(self, seen: Seen, target: Target, position: int, *, seek: bool) -> dict[str, Any]:
        wanted = target.entry.id if target.entry else None
        if wanted == seen.entry:
            return self._controls(seen, target, position, seek=seek)
        if target.entry is None or target.paused:
            return {"track": {"encoded": None}} if seen.entry is not None else {}
        track = self._source(target.entry)
        filters = {"filters": target.filters} if target.filters != seen.filters else {}
        return {"track": track, "position": position, "volume": target.volume, "paused": False, **filters}

    @staticmethod
    def _controls(seen: Seen, target: Target, position: int, *, seek: bool) -> dict[str, Any]:
        body: dict[str, Any] = {}
        if target.entry is None:
            return body
        if target.volume != seen.volume:
            body["volume"] = target.volume
        if target.filters != seen.filters:
            body["filters"] = target.filters
        if target.paused != seen.paused:
            body["paused"] = target.paused
        if seek:
            body["position"] = position
        return body

    def _chorus(self, seen: Seen, target: Target, *, fresh: bool) -> dict[str, Any]:
        chorus: dict[str, Any] = {}
        if not target.chorus:
            return chorus
        following = (target.following.id, target.following_filters, target.crossfade) if target.following else None
        plays = target.entry is not None and (seen.entry == target.entry.id or not target.paused)
        known = (seen.following, seen.following_filters, seen.crossfade) if seen.following and not fresh else None
        if plays and following != known:
            again = seen.following_source if known and target.following and known[0] == target.following.id else {}
            chorus["next"] = self._next(target.following, target, again) if target.following else None
        if target.bitrate not in {None, seen.bitrate}:
            chorus["bitrate"] = target.bitrate
        covers = {push.id: push.cover for push in target.pushes}
        if target.taps | covers.keys() != seen.taps or covers != self._covers:
            self._covers = covers
            pushes = [push.wire(self._video(push)) for push in target.pushes]
            chorus["taps"] = [*map(stream_tap, sorted(target.taps)), *pushes]
        return chorus

    def _video(self, push: PushTap) -> str | None:
        """Where the picture of a push is; a track without a cover gets an address where none is."""
        if push.cover is None:
            return None
        cover = Track(TrackRef(f"cover:{push.cover}"), "")
        return self._media.media_url(cover, bound_to=f"{self._room}:cover")

    def _next(self, entry: Entry, target: Target, again: dict[str, Any]) -> dict[str, Any]:
        """What follows brings its own filters with it: those that are on then may be others than now.

        What the node has open already keeps its address: a crossfade that is under way goes on then.
        """
        join: dict[str, Any] = {"filters": target.following_filters, "position": entry.begins}
        return (again or self._source(entry)) | join | ({"crossfadeMs": target.crossfade} if target.crossfade else {})

    def _source(self, entry: Entry) -> dict[str, Any]:
        asked = identifier_of(entry.track.ref)
        url = asked or self._media.media_url(entry.track, bound_to=f"{self._room}:{entry.id}")
        data: dict[str, Any] = {"room": self._room, "entry": entry.id}
        return {"identifier": url, "userData": data | ({"trace": trace} if (trace := traceparent()) else {})}
