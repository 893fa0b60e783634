"""What a player plays: one track after the other in real time, with the events that say so."""

import time
from functools import partial
from typing import cast

import structlog

from lavalink.cue import Cue
from lavalink.deck import Deck
from lavalink.engine import Engine
from lavalink.events import Events
from lavalink.filters import Filters
from lavalink.marks import Ended, Joined, Paced
from lavalink.opus import BITRATE, FRAME_MS
from lavalink.output import Output
from lavalink.playhead import Playhead
from lavalink.protocol import LoadError, PlayerState, Track
from lavalink.reel import Reel
from lavalink.sources import Sources
from lavalink.strand import Shaping
from lavalink.transition import Transition
from lavalink.voice import VoiceLink

log = structlog.get_logger()

UPDATE_FRAMES = 1000 // FRAME_MS
"""Frames between two playerUpdates."""
STUCK_MS = 10_000
FADE_MS = 100
"""In which what is stopped, paused or left goes softly, unless a client wishes otherwise."""


class Playback:
    """One player's tracks. All on the loop; the work is done by its deck."""

    def __init__(self, *, engine: Engine, sources: Sources, events: Events, output: Output, voice: VoiceLink) -> None:
        self.track: Track | None = None
        self.cued: Cue | None = None
        self.volume = 100
        self.filters = Filters()
        self.bitrate = BITRATE
        self.fade = FADE_MS
        self.paused = False
        self._engine = engine
        self._sources = sources
        self._events = events
        self._output = output
        self._voice = voice
        self._transition = Transition(engine, output.past)
        self._rise = False
        self._shaping = Shaping()
        self._deck: Deck | None = None
        self._head = Playhead()
        self._end: int | None = None
        self._ticks = 0

    # What the player orders

    def play(self, track: Track | None, *, start: int = 0, end: int | None = None, paused: bool = False) -> None:
        """Play a track, or none, in place of what plays; what was to follow is forgotten."""
        self.paused = paused
        self.leave("stopped" if track is None else "replaced")
        if track is None:
            return
        self._end = end
        self.track = track
        self._events.started(track)
        self._spin(track, start)
        self.update()

    def leave(self, reason: str, error: LoadError | None = None) -> None:
        """End the current track, if there is one, and forget what was to follow."""
        track, self.track, self.cued, self._end = self.track, None, None, None
        self._drop_deck(bridge=reason == "replaced" and not self.paused)
        if track is None:
            return
        if error is not None:
            self._events.broke(track, error)
        self._events.ended(track, reason)

    def seek(self, position: int) -> None:
        """Go to a place in the track, if it has places."""
        if self.track is not None and self.track.info.is_seekable:
            self._spin(self.track, position)

    def limit(self, end: int | None) -> None:
        """Let the current track end at `end` ms."""
        self._end = end
        if self._deck is not None:
            self._deck.limit(end)

    def cue(self, cue: Cue | None) -> bool:
        """Name what follows; False if the join with another track has begun."""
        deck = self._deck
        renamed = deck is not None and cue is not None and cue.renames(self.cued) and deck.rename(cue.track)
        if deck is not None and not renamed and not deck.cue(self._reel(cue) if cue else None):
            return False
        self.cued = cue
        self._shape()
        return True

    def pause(self, *, paused: bool) -> None:
        """Stand still, or go on."""
        if paused == self.paused:
            return
        self.paused = paused
        if self._deck is None:
            return
        if paused:
            self._transition.cut(self._deck.ring, bridge=False)
            self._rise = True
        else:
            self._enter(self._deck)

    def close(self) -> None:
        """End everything."""
        self._engine.pacer.discard(self)
        self.leave("stopped")
        self._transition.clear()

    def tune(self, *, volume: int | None, filters: Filters | None, bitrate: int | None, fade: int | None) -> None:
        """Sound otherwise from soon on; None leaves things as they are."""
        self.volume = self.volume if volume is None else volume
        self.filters = self.filters if filters is None else filters
        self.bitrate = self.bitrate if bitrate is None else bitrate
        self.fade = self.fade if fade is None else fade
        self._transition.frames, self._transition.bitrate = self.fade // FRAME_MS, self.bitrate
        self._shape()

    @property
    def joining(self) -> bool:
        """Whether the join with the next track cannot be called off any more."""
        return self._deck is not None and self._deck.joining

    @property
    def state(self) -> PlayerState:
        """Where the player is."""
        return PlayerState(
            time=time.time_ns() // 1_000_000,
            position=0 if self.track is None else self._head.position,
            connected=self._voice.connected,
            ping=self._voice.ping,
        )

    def update(self) -> None:
        """Tell the client where the player is."""
        self._events.update(self.state)

    # Tracks

    def _shape(self) -> None:
        volume, following = self.volume / 100, self.cued.filters if self.cued else None
        following = self.filters if following is None else following
        self._shaping = Shaping(volume, self.filters.gain, self.filters.effects)
        if self._deck is not None:
            self._deck.bitrate = self.bitrate
            self._deck.shape(self._shaping, Shaping(volume, following.gain, following.effects))

    def _reel(self, cue: Cue) -> Reel:
        return Reel(cue.track, self._sources, cue.start, cue.crossfade)

    def _spin(self, track: Track, start: int) -> None:
        """Play a track from a place on, by a new deck; what is cued stays so."""
        self._drop_deck(bridge=not self.paused)
        self._rise = start > 0
        self._head.set(start, self.filters.tempo)
        reel = Reel(track, self._sources, start)
        reel.end = self._end
        ready = partial(self._ready, reel)
        self._deck = Deck(self._engine, reel, self._shaping, on_ready=ready, on_missed=self._missed)
        self._shape()
        if self.cued is not None:
            self._deck.cue(self._reel(self.cued))

    def _drop_deck(self, *, bridge: bool) -> None:
        deck, self._deck = self._deck, None
        if deck is not None:
            deck.close()
            self._transition.cut(deck.ring, bridge=bridge)

    def _ready(self, reel: Reel, deck: Deck) -> None:
        """The first packet of a reel is there, or will never be; and once more, when the ring is full."""
        if deck is not self._deck:
            return
        self._head.begin(reel.start)
        head = deck.ring[0] if deck.ring else None
        if isinstance(head, Ended) and head.error is not None:
            self.leave("loadFailed", head.error)  # also while paused or waiting for voice
        elif not self.paused:
            self._enter(deck)

    def _enter(self, deck: Deck) -> None:
        """Let the deck be heard."""
        self._transition.enter(deck.ring, rise=self._rise, go=lambda: self._engine.pacer.add(self))
        if not self._transition.busy:
            self._engine.pacer.add(self)

    def _missed(self, deck: Deck, reel: Reel) -> None:
        """What was cued cannot be played: say so now, and let the current track end without it."""
        if deck is not self._deck or reel.error is None:
            return
        deck.cue(None)
        self.cued = None
        self._events.broke(reel.track, reel.error)

    def _pass(self, mark: Joined | Paced | Ended) -> None:
        """The ear has come to the end of the current track, or to where it goes faster or slower."""
        if isinstance(mark, Paced):
            self._head.turn(mark.position, mark.tempo)
        elif isinstance(mark, Ended):
            self.leave("finished" if mark.error is None else "loadFailed", mark.error)
        else:
            self._join(mark)

    def _join(self, mark: Joined) -> None:
        if self.track is not None:
            self._events.ended(self.track, "finished")
        cue, self.cued, self._end = self.cued, None, None
        self.track = mark.reel.track
        self.filters = self.filters if cue is None or cue.filters is None else cue.filters
        self._head.set(mark.position, mark.tempo)
        if self._deck is not None:
            self._deck.joined()
        self._shape()
        self._events.started(mark.reel.track)
        self.update()

    # Time

    def tick(self) -> None:
        """Send what is due; called every 20 ms while there is anything to send."""
        deck, transition = self._deck, self._transition
        if deck is None or self.paused:
            self._rest()
            return
        self._ticks += 1
        if self._ticks % UPDATE_FRAMES == 0:
            self.update()
        if self._voice.waiting:
            self._output.minute.stop()
            return
        ring = deck.ring
        if transition.open and not transition.tail and ring and type(ring[0]) is bytes:  # nearly always
            self._play(cast("bytes", ring.popleft()))
        else:
            self._advance(deck)
        if len(ring) < deck.low:
            deck.refill()

    def _rest(self) -> None:
        """Nothing plays: let what has been cut off fade."""
        self._output.minute.stop()
        if not self._fade() and not self._output.hush():
            self._engine.pacer.discard(self)

    def _fade(self) -> bool:
        """Send some of what has been cut off; False if nothing is left of it."""
        tail = self._transition.take()
        if tail is not None:
            self._output.sound(tail)
        return tail is not None

    def _advance(self, deck: Deck) -> None:
        """Play what is next, behind marks or after what has been cut off."""
        if not self._transition.open:
            self._enter(deck)
        if self._fade():
            return
        while deck.ring and self._transition.open:
            item = deck.ring.popleft()
            if isinstance(item, bytes):
                self._play(item)
                return
            self._pass(item)
            if self._deck is not deck:
                self._output.hush()
                return
        self._starve(deck)

    def _play(self, packet: bytes) -> None:
        first = self._head.move()
        self._output.sound(packet)
        if first and self.track is not None:
            trace = str(self.track.user_data.get("trace", ""))[3:35]  # the client's W3C traceparent
            log.info("first packet", player=int(self._events.guild_id), **({"trace": trace} if trace else {}))

    def _starve(self, deck: Deck) -> None:
        """No packet is there in time."""
        self._output.lack()
        if deck.drained:
            deck.force_join()
        if self._head.wait() == STUCK_MS and self.track is not None:
            self._events.stuck(self.track, STUCK_MS)
            self.update()
