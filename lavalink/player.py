"""A player: what one client's PATCHes make of tracks, in real time, for a voice channel and for taps."""

import time
from collections.abc import Callable
from typing import Any

import structlog

from lavalink.deck import LOW, Deck, Ended, Joined, Paced
from lavalink.engine import Engine
from lavalink.events import Events
from lavalink.filters import Filters
from lavalink.opus import FRAME_MS
from lavalink.output import Output
from lavalink.playhead import Playhead
from lavalink.protocol import (
    ApiError,
    ChorusModel,
    LoadError,
    PlayerModel,
    PlayerPatch,
    PlayerState,
    Track,
    Unset,
    VoiceState,
)
from lavalink.pushes import Pushes
from lavalink.reel import Reel
from lavalink.sources import Sources
from lavalink.taps import TapQueue, Taps
from lavalink.voice import VoiceLink

log = structlog.get_logger()

UPDATE_FRAMES = 1000 // FRAME_MS
"""Frames between two playerUpdates."""
STUCK_MS = 10_000
LOUDEST = 1000
NO_VOICE = VoiceState(token="", endpoint="", session_id="", channel_id="")


class Player:
    """One guild's player. Everything but decoding happens on the loop."""

    def __init__(
        self,
        guild_id: int,
        *,
        engine: Engine,
        sources: Sources,
        emit: Callable[[dict[str, Any]], None],
        voice: VoiceLink,
    ) -> None:
        self.guild_id = guild_id
        self.voice = voice
        self._engine = engine
        self._sources = sources
        self._events = Events(guild_id, emit)
        pushes = Pushes(self._events.tap, sources.picture)
        self._taps = Taps(self._events.tap, engine, pushes)
        self._output = Output(voice, self._taps)
        self._voice_state = NO_VOICE
        self._volume = 100
        self._filters = Filters()
        self._effects = self._filters.effects
        self._paused = False
        self._track: Track | None = None
        self._next: Track | None = None
        self._next_start = 0
        self._deck: Deck | None = None
        self._head = Playhead()
        self._end: int | None = None
        self._ticks = 0

    # What the server calls

    def apply(self, patch: PlayerPatch, *, track: Track | Unset | None, next_track: Track | Unset | None) -> None:
        """Make the player as a PATCH says, whose tracks are resolved; ApiError if it cannot be, then unchanged."""
        self._check(patch, track, next_track)
        self._apply_sound(patch)
        if isinstance(track, Unset):
            self._apply_place(patch)
        else:
            self._paused = bool(patch.paused)
            self._replace(track, patch)
        if patch.chorus is not None:
            self._apply_chorus(patch, next_track)

    def model(self) -> PlayerModel:
        """The player as answers show it."""
        return PlayerModel(
            guild_id=str(self.guild_id),
            track=self._track,
            volume=self._volume,
            paused=self._paused,
            state=self._state(),
            voice=self._voice_state,
            filters=self._filters.wire(),
            chorus=ChorusModel(next=self._next, taps=self._taps.listed),
        )

    def tap(self, tap_id: str, *, recent: int = 0) -> TapQueue | None:
        """A new reader of a tap, from `recent` ms ago on; None if there is no such tap."""
        return self._taps.read(tap_id, recent=recent)

    async def close(self) -> None:
        """End everything, the voice connection too."""
        self._engine.pacer.discard(self)
        self._leave("stopped")
        self._taps.set([])
        await self.voice.close()

    # PATCH

    def _check(self, patch: PlayerPatch, track: Track | Unset | None, next_track: Track | Unset | None) -> None:
        if isinstance(next_track, Unset):
            return
        if isinstance(track, Unset) and self._deck is not None and self._deck.joining:
            raise ApiError(409, "The join with the next track has begun")
        current = self._track if isinstance(track, Unset) else track
        if current is None and next_track is not None:
            raise ApiError(409, "There is no track that another could follow")

    def _apply_sound(self, patch: PlayerPatch) -> None:
        if patch.voice is not None:
            self._voice_state = patch.voice
        if patch.volume is not None:
            self._volume = min(max(patch.volume, 0), LOUDEST)
        if patch.filters is not None:
            self._filters, self._effects = patch.filters, patch.filters.effects
        if self._deck is not None:
            self._deck.gain, self._deck.effects = self._gain, self._effects

    def _apply_place(self, patch: PlayerPatch) -> None:
        if patch.paused is not None:
            self._pause(paused=patch.paused)
        if self._track is None:
            return
        if patch.track is not None and patch.track.user_data is not None:
            self._track = self._track.model_copy(update={"user_data": patch.track.user_data})
        if "end_time" in patch.model_fields_set:
            self._end = patch.end_time
            if self._deck is not None:
                self._deck.limit(patch.end_time)
        if patch.position is not None and not self._track.info.is_stream:
            self._spin(self._track, max(0, patch.position))
        if patch.position is not None or patch.filters is not None:
            self._update()

    def _replace(self, track: Track | None, patch: PlayerPatch) -> None:
        self._leave("stopped" if track is None else "replaced")
        if track is None:
            return
        self._end = patch.end_time
        self._track = track
        self._events.started(track)
        self._spin(track, max(0, track.info.position if patch.position is None else patch.position))
        self._update()

    def _apply_chorus(self, patch: PlayerPatch, next_track: Track | Unset | None) -> None:
        chorus = patch.chorus
        if chorus is None:
            return
        if chorus.taps is not None:
            self._taps.set(chorus.taps)
        if isinstance(next_track, Unset):
            return
        start = chorus.next.position if chorus.next else 0
        reel = Reel(next_track, self._sources, start) if next_track else None
        if self._deck is not None and not self._deck.cue(reel):
            raise ApiError(409, "The join with the next track has begun")
        self._next, self._next_start = next_track, start

    def _pause(self, *, paused: bool) -> None:
        self._paused = paused
        if not paused and self._deck is not None and self._deck.ring:
            self._engine.pacer.add(self)

    # Tracks

    def _spin(self, track: Track, start: int) -> None:
        """Play a track from a place on, by a new deck; what is cued stays so."""
        self._drop_deck(ghost=True)
        self._head.set(start, self._filters.tempo)
        reel = Reel(track, self._sources, start)
        reel.end = self._end
        self._deck = Deck(self._engine, reel, self._gain, self._effects, on_ready=self._ready, on_missed=self._missed)
        if self._next is not None:
            self._deck.cue(Reel(self._next, self._sources, self._next_start))

    def _leave(self, reason: str, error: LoadError | None = None) -> None:
        """End the current track, if there is one, and forget what was to follow."""
        track, self._track, self._next, self._end = self._track, None, None, None
        self._drop_deck(ghost=reason == "replaced")
        if track is None:
            return
        if error is not None:
            self._events.broke(track, error)
        self._events.ended(track, reason)

    def _drop_deck(self, *, ghost: bool) -> None:
        deck, self._deck = self._deck, None
        if deck is not None:
            deck.close()
        self._output.bridge(deck.ring.copy() if deck is not None and ghost else ())

    def _ready(self, deck: Deck) -> None:
        """The first packet is there, or will never be."""
        if deck is not self._deck:
            return
        head = deck.ring[0] if deck.ring else None
        if isinstance(head, Ended) and head.error is not None:
            self._leave("loadFailed", head.error)  # also while paused or waiting for voice
        elif not self._paused:
            self._engine.pacer.add(self)

    def _missed(self, deck: Deck, reel: Reel) -> None:
        """What was cued cannot be opened: say so now, and let the current track end without it."""
        if deck is not self._deck or reel.error is None:
            return
        deck.cue(None)
        self._next = None
        self._events.broke(reel.track, reel.error)

    def _pass(self, mark: Joined | Paced | Ended) -> None:
        """The ear has come to the end of the current track, or to where it goes faster or slower."""
        if isinstance(mark, Paced):
            self._head.turn(mark.position, mark.tempo)
            return
        if isinstance(mark, Ended):
            self._leave("finished" if mark.error is None else "loadFailed", mark.error)
            return
        if self._track is not None:
            self._events.ended(self._track, "finished")
        self._track, self._next, self._end = mark.reel.track, None, None
        self._head.set(mark.reel.start)
        if self._deck is not None:
            self._deck.joining = False
        self._events.started(mark.reel.track)
        self._update()

    # Time

    def tick(self) -> None:
        """Send what is due; called every 20 ms while there is anything to send."""
        deck = self._deck
        if deck is None or self._paused:
            if not self._output.hush():
                self._engine.pacer.discard(self)
            return
        self._ticks += 1
        if self._ticks % UPDATE_FRAMES == 0:
            self._update()
        if self.voice.waiting:
            return
        while deck.ring:
            item = deck.ring.popleft()
            if isinstance(item, bytes):
                self._play(item)
                break
            self._pass(item)
            if self._deck is not deck:
                self._output.hush()
                return
        else:
            self._starve(deck)
        if len(deck.ring) < LOW:
            deck.refill()

    def _play(self, packet: bytes) -> None:
        first = self._head.move()
        self._output.sound(packet)
        if first and self._track is not None:
            trace = str(self._track.user_data.get("trace", ""))[3:35]  # the client's W3C traceparent
            log.info("first packet", player=self.guild_id, **({"trace": trace} if trace else {}))

    def _starve(self, deck: Deck) -> None:
        """No packet is there in time."""
        self._output.fill()
        if deck.drained:
            deck.force_join()
        if self._head.wait() == STUCK_MS and self._track is not None:
            self._events.stuck(self._track, STUCK_MS)
            self._update()

    # Facts

    @property
    def _gain(self) -> float:
        return self._volume / 100 * self._filters.gain

    def _state(self) -> PlayerState:
        return PlayerState(
            time=time.time_ns() // 1_000_000,
            position=0 if self._track is None else self._head.position,
            connected=self.voice.connected,
            ping=self.voice.ping,
        )

    def _update(self) -> None:
        self._events.update(self._state())
