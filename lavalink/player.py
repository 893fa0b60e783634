"""A player: what one client's PATCHes make of tracks, for a voice channel and for taps."""

from collections.abc import Callable
from typing import Any

from lavalink.cue import Cue
from lavalink.engine import Engine
from lavalink.events import Events
from lavalink.output import Output
from lavalink.playback import Playback
from lavalink.protocol import (
    ApiError,
    ChorusModel,
    NextTrack,
    PlayerModel,
    PlayerPatch,
    PlayerState,
    Track,
    Unset,
    VoiceState,
)
from lavalink.pushes import Pushes
from lavalink.sources import Sources
from lavalink.taps import TapQueue, Taps
from lavalink.voice import VoiceLink

LOUDEST = 1000
NO_VOICE = VoiceState(token="", endpoint="", session_id="")


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
        events = Events(guild_id, emit)
        self._taps = Taps(events.tap, engine, Pushes(events.tap, sources.picture))
        output = Output(voice, self._taps)
        self.minute = output.minute
        self._playback = Playback(engine=engine, sources=sources, events=events, output=output, voice=voice)
        self._voice_state = NO_VOICE

    def apply(self, patch: PlayerPatch, *, track: Track | Unset | None, next_track: Track | Unset | None) -> None:
        """Make the player as a PATCH says, whose tracks are resolved; ApiError if it cannot be, then unchanged."""
        self._check(track, next_track)
        self._apply_sound(patch)
        if isinstance(track, Unset):
            self._apply_place(patch)
        else:
            start = track.info.position if track is not None and patch.position is None else patch.position
            self._playback.play(track, start=max(0, start or 0), end=patch.end_time, paused=bool(patch.paused))
        if patch.chorus is not None and patch.chorus.taps is not None:
            self._taps.set(patch.chorus.taps)
        if not isinstance(next_track, Unset):
            self._cue(next_track, patch.chorus.next if patch.chorus else None)

    @property
    def loaded(self) -> bool:
        """Whether it has a track, paused or not."""
        return self._playback.track is not None

    @property
    def playing(self) -> bool:
        """Whether its track goes on."""
        return self.loaded and not self._playback.paused

    @property
    def state(self) -> PlayerState:
        """Where it is."""
        return self._playback.state

    def model(self) -> PlayerModel:
        """The player as answers show it."""
        plays = self._playback
        return PlayerModel(
            guild_id=str(self.guild_id),
            track=plays.track,
            volume=plays.volume,
            paused=plays.paused,
            state=plays.state,
            voice=self._voice_state,
            filters=plays.filters.wire(),
            chorus=ChorusModel(
                next=plays.cued.track if plays.cued else None,
                taps=self._taps.listed,
                bitrate=plays.bitrate,
                fade_ms=plays.fade,
            ),
        )

    def tap(self, tap_id: str, *, recent: int = 0) -> TapQueue | None:
        """A new reader of a tap, from `recent` ms ago on; None if there is no such tap."""
        return self._taps.read(tap_id, recent=recent)

    async def close(self) -> None:
        """End everything, the voice connection too."""
        self._playback.close()
        self._taps.set([])
        await self.voice.close()

    def _check(self, track: Track | Unset | None, next_track: Track | Unset | None) -> None:
        if isinstance(next_track, Unset):
            return
        if isinstance(track, Unset) and self._playback.joining:
            raise ApiError(409, "The join with the next track has begun")
        current = self._playback.track if isinstance(track, Unset) else track
        if current is None and next_track is not None:
            raise ApiError(409, "There is no track that another could follow")

    def _apply_sound(self, patch: PlayerPatch) -> None:
        if patch.voice is not None:
            self._voice_state = patch.voice
        volume = None if patch.volume is None else min(max(patch.volume, 0), LOUDEST)
        chorus = patch.chorus
        self._playback.tune(
            volume=volume,
            filters=patch.filters,
            bitrate=chorus.bitrate if chorus else None,
            fade=chorus.fade_ms if chorus else None,
        )

    def _apply_place(self, patch: PlayerPatch) -> None:
        plays = self._playback
        if patch.paused is not None:
            plays.pause(paused=patch.paused)
        if plays.track is None:
            return
        if patch.track is not None and patch.track.user_data is not None:
            plays.track = plays.track.model_copy(update={"user_data": patch.track.user_data})
        if "end_time" in patch.model_fields_set:
            plays.limit(patch.end_time)
        if patch.position is not None:
            plays.seek(max(0, patch.position))
        if patch.position is not None or patch.filters is not None:
            plays.update()

    def _cue(self, track: Track | None, wanted: NextTrack | None) -> None:
        cue = None
        if track is not None and wanted is not None:
            cue = Cue(track, wanted.position, wanted.crossfade_ms, wanted.filters)
        if not self._playback.cue(cue):
            raise ApiError(409, "The join with the next track has begun")
