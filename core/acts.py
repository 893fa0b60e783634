"""What people may decide together: how each question is checked, and what is done when it has passed."""

from collections.abc import Callable
from dataclasses import dataclass

from core import editing, filters, output, playing, rewinding, settings, sound, transport
from core.enums import EndReason, Mode
from core.errors import NothingPlayingError, OutOfRangeError
from core.limits import VOLUME
from core.policy import Action
from core.records.results import Changed
from core.room import Room
from core.types import Actor

ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class Act:
    """`do` is called when a question has passed, with whoever opened it; `check` raises what speaks against it.

    `current`: it is about what is on air, and ends with it.
    """

    do: Callable[[Room, Actor, str | None, int], object]
    check: Callable[[Room, str | None], object] = lambda _room, _argument: None
    current: bool = False


def stop(room: Room, actor: Actor, now: int) -> Changed:
    """Empty the queue, end what is on air, leave the voice channel."""
    busy = room.current is not None or room.voice_channel is not None or bool(room.entries)
    editing.clear(room, actor, now, kind="stop")
    playing.stop(room, now)
    output.leave(room, now)
    return Changed(busy)


def check_volume(volume: int) -> int:
    """Raises OutOfRangeError."""
    if not VOLUME[0] <= volume <= VOLUME[1]:
        raise OutOfRangeError("volume", volume, *VOLUME)
    return volume


def _check_playing(room: Room, _argument: str | None) -> None:
    if room.current is None:
        raise NothingPlayingError


ACTS: dict[Action, Act] = {
    Action.SKIP: Act(
        lambda room, _actor, _argument, now: playing.advance(room, EndReason.VOTED, now), _check_playing, current=True
    ),
    Action.STOP: Act(lambda room, actor, _argument, now: stop(room, actor, now)),
    Action.CLEAR: Act(lambda room, actor, _argument, now: editing.clear(room, actor, now)),
    Action.SHUFFLE: Act(lambda room, actor, _argument, now: editing.shuffle(room, actor, now)),
    Action.PREVIOUS: Act(
        lambda room, _actor, _argument, now: rewinding.previous(room, now),
        lambda room, _argument: rewinding.latest(room),
        current=True,
    ),
    Action.VOLUME: Act(
        lambda room, _actor, argument, _now: transport.set_volume(room, int(argument or "")),
        lambda _room, argument: check_volume(int(argument or "")),
    ),
    Action.FILTER: Act(
        lambda room, _actor, argument, now: transport.set_filter(room, filters.parse(argument or ""), now),
        lambda room, argument: sound.check_filter(room, argument or ""),
    ),
    Action.CROSSFADE: Act(
        lambda room, actor, argument, now: settings.set_crossfade(room, actor, int(argument or ""), now),
        lambda room, argument: sound.check_crossfade(room, int(argument or "")),
    ),
    Action.LOUDNESS: Act(
        lambda room, actor, argument, now: settings.set_loudness(room, actor, argument == ON, now),
        lambda room, argument: sound.check_loudness(room, argument == ON),
    ),
    Action.MODE: Act(
        lambda room, actor, argument, now: settings.set_mode(room, actor, Mode(argument or ""), now),
        lambda _room, argument: settings.checked_mode(argument or ""),
    ),
}
"""The policy's table says for which of these the people may be asked."""
