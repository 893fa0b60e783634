"""Polls: questions that the people who hear the room decide."""

from math import ceil

from core import people, playing
from core.events import PollChanged, PollOpened
from core.limits import POLL_LIFE
from core.room import Room
from core.types import EndReason, PersonId, Poll

SKIP = "skip"


def needed(active: int, likes: int, threshold: float) -> int:
    """Votes that pass a question among `active` people who like the entry `likes` times."""
    return min(active, max(2, ceil(threshold * active), 1 + likes // 2))


def needed_now(room: Room, now: int) -> int:
    """Votes that a skip of the current entry needs; likes are the up-votes of electors."""
    electors = people.electorate(room, now)
    votes = room.current.entry.votes if room.current else {}
    requester = room.current.entry.person if room.current else None
    likes = sum(1 for person in electors if person != requester and person in votes and votes[person].value > 0)
    return needed(len(electors), likes, room.settings.skip_threshold)


def votes_now(room: Room, poll: Poll, now: int) -> int:
    """Votes of a poll that count: those of electors."""
    return len(people.electorate(room, now) & poll.votes.keys())


def ask_skip(room: Room, person: PersonId, now: int) -> Poll:
    """Open the question, or join it; a second vote of the same person changes nothing."""
    assert room.current is not None
    if due(room, now):
        playing.close_poll(room, SKIP, passed=False)
    poll = room.polls.get(SKIP)
    if poll is None:
        poll = room.polls[SKIP] = Poll(SKIP, room.current.entry.id, person, now, now + POLL_LIFE)
        room.changes.events.append(PollOpened(room=room.id))
    if person not in poll.votes:
        poll.votes[person] = now
        room.changes.events.append(PollChanged(room=room.id))
    room.changes.polls.add(SKIP)
    return poll


def passes(room: Room, now: int) -> bool:
    """Whether the running skip poll has the votes it needs."""
    poll = room.polls.get(SKIP)
    return poll is not None and 0 < needed_now(room, now) <= votes_now(room, poll, now)


def due(room: Room, now: int) -> bool:
    """Whether the running poll is over, either way."""
    poll = room.polls.get(SKIP)
    return poll is not None and (now >= poll.deadline or passes(room, now))


def settle(room: Room, now: int) -> None:
    """End a poll that passed (the entry is skipped) or ran out."""
    if passes(room, now):
        playing.advance(room, EndReason.VOTED, now)
    elif due(room, now):
        playing.close_poll(room, SKIP, passed=False)
