"""A player as it is, a room as it should be heard, and the one PATCH that makes the first like the second."""

import time
from dataclasses import dataclass, field
from typing import Any

from audio.node_refs import identifier_of
from audio.taps import PushTap, stream_tap
from audio.voice_data import VoiceData
from core import playing
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
    voice: VoiceData | None = None
    connected: bool = False
    taps: frozenset[str] = frozenset()
    position: int = 0
    at: float = field(default_factory=time.monotonic)

    @staticmethod
    def read(room: RoomId, player: dict[str, Any]) -> "Seen":
        """From a player object of the node's REST answers."""
        state: dict[str, Any] = player["state"]
        chorus: dict[str, Any] = player.get("chorus") or {}
        return Seen(
            entry=_entry(room, player["track"]),
            following=_entry(room, chorus.get("next")),
            paused=player["paused"],
            volume=player["volume"],
            filters=player.get("filters") or {},
            voice=VoiceData.read(player["voice"]),
            connected=state["connected"],
            taps=frozenset(tap["id"] for tap in chorus.get("taps", ())),
            position=state["position"],
        )

    def position_at(self, now: float) -> int:
        """Where the track is at a monotonic time, if the node still plays it."""
        running = self.started and not self.paused
        return self.position + (round((now - self.at) * 1000) if running else 0)

    def hold(self, position: int, now: float) -> None:
        """The position is this, now."""
        self.position, self.at = position, now


def _entry(room: RoomId, track: dict[str, Any] | None) -> EntryId | None:
    """Our entry behind a track; 0 for somebody else's, so that it is replaced."""
    if track is None:
        return None
    data: dict[str, Any] = track.get("userData") or {}
    return EntryId(int(data.get("entry", 0))) if data.get("room") == room else EntryId(0)


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

    @staticmethod
    def of(
        room: Room, *, taps: frozenset[str], voice: VoiceData | None, chorus: bool, filters: dict[str, Any]
    ) -> "Target":
        """What the room says. What follows is only told to nodes that can join it gaplessly."""
        return Target(
            entry=room.current.entry if room.current else None,
            following=playing.locked_entry(room) if room.current and chorus else None,
            paused=room.paused is not None,
            volume=room.volume,
            taps=taps if chorus else frozenset(),
            voice=voice,
            chorus=chorus,
            filters=filters,
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
        following = target.following.id if target.following else None
        plays = target.entry is not None and (seen.entry == target.entry.id or not target.paused)
        if plays and following != (None if fresh else seen.following):
            chorus["next"] = self._source(target.following) if target.following else None
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

    def _source(self, entry: Entry) -> dict[str, Any]:
        asked = identifier_of(entry.track.ref)
        url = asked or self._media.media_url(entry.track, bound_to=f"{self._room}:{entry.id}")
        data: dict[str, Any] = {"room": self._room, "entry": entry.id}
        return {"identifier": url, "userData": data | ({"trace": trace} if (trace := traceparent()) else {})}
