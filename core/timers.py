"""What follows from time and from other changes, whoever made them."""

from core import leavers, people, playing, undoing, voting
from core.enums import Leavers
from core.room import Room


def due(room: Room, now: int) -> bool:
    """Whether time alone has brought about something that `run` has to do."""
    return (
        voting.due(room, now)
        or people.lapsing(room, now)
        or leavers.is_due(room, now)
        or undoing.is_due(room, now)
        or bool(playing.due(room, now))
    )


def run(room: Room, now: int) -> None:
    """People who left are let go of, with their entries if so wished, and so is what cannot be undone any more."""
    if leavers.is_due(room, now):
        leavers.settle(room, now)
    people.lapse(room, now)
    undoing.expire(room, now)


def settle(room: Room, now: int) -> None:
    """After a change: entries of people who left or are back, and polls that are over."""
    wished = room.settings.leavers is not Leavers.KEEP
    if room.changes.settings or (wished and room.changes.people):
        leavers.settle(room, now)
    voting.settle(room, now)
