"""What a player tells its client: playerUpdate and the events, as the real server words them."""

from collections.abc import Callable
from typing import Any

from lavalink.protocol import LoadError, PlayerState, Track
from lavalink.tally import TALLY


class Events:
    """Sends one player's messages."""

    def __init__(self, guild_id: int, emit: Callable[[dict[str, Any]], None]) -> None:
        self.guild_id = str(guild_id)
        self._emit = emit

    def update(self, state: PlayerState) -> None:
        """Where the player is."""
        self._emit({"op": "playerUpdate", "guildId": self.guild_id, "state": state.wire()})

    def started(self, track: Track) -> None:
        """A track begins."""
        self._event("TrackStartEvent", track=track.wire())

    def ended(self, track: Track, reason: str) -> None:
        """A track is over: finished, loadFailed, stopped or replaced."""
        self._event("TrackEndEvent", track=track.wire(), reason=reason)

    def broke(self, track: Track, error: LoadError) -> None:
        """A track cannot be played, or not any further."""
        self._event("TrackExceptionEvent", track=track.wire(), exception=error.wire())

    def stuck(self, track: Track, threshold: int) -> None:
        """No sound has come from a track for `threshold` ms."""
        self._event("TrackStuckEvent", track=track.wire(), thresholdMs=threshold)

    def tap(self, tap_id: str, state: str, reason: str | None = None) -> None:
        """A tap's reader came, went or was dropped; a push is live, or failed for a reason."""
        self._event("ChorusTapEvent", id=tap_id, state=state, **({"reason": reason} if reason else {}))

    def _event(self, kind: str, **fields: Any) -> None:
        TALLY.events[kind] += 1
        self._emit({"op": "event", "type": kind, "guildId": self.guild_id, **fields})
