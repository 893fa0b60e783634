"""Polls: questions that the people who hear the room decide."""

from dataclasses import dataclass
from math import ceil

from core import people, playing, policy
from core.acts import ACTS
from core.enums import Surface
from core.errors import ChorusError, NoSuchPollError, PollRunningError
from core.events import PollChanged, PollOpened
from core.limits import POLL_LIFE
from core.policy import Action
from core.records.results import Asked
from core.records.views import WhyPoll
from core.room import Room
from core.types import Actor, Entry, PersonId, Poll

# Asking


def decide(
    room: Room, actor: Actor, action: Action, now: int, *, argument: str | None = None, entry: Entry | None = None
) -> Asked | None:
    """None: `actor` may do it alone and now does. Else the others are asked, or asked by one more.

    `entry` is the one in question (default: what is on air). What a question is about is done by `settle` once it
    has passed.

    Raises what the policy and the act's own check raise, and PollRunningError if the question is another one.
    """
    act = ACTS[action]
    act.check(room, argument)
    subject = entry or (room.current.entry if room.current else None)
    running = _running(room, action, now)
    if policy.allows(room, actor, action, now, subject):
        people.acted(room, actor, now)
        if running is not None and running.argument == argument and not act.current:
            playing.close_poll(room, action, passed=True)
        return None
    policy.require_poll(room, actor, action, now, subject)
    if running is not None and running.argument != argument:
        raise PollRunningError(action, running.argument)
    people.acted(room, actor, now)
    poll = running or _open(room, actor, action, argument, now)
    _join(room, poll, actor.person, now)
    standing = _standing(room, poll, now)
    return Asked(action, standing.votes, standing.needed, standing.passes, argument)


def _running(room: Room, kind: str, now: int) -> Poll | None:
    poll = room.polls.get(kind)
    return None if poll is None or now >= poll.deadline else poll


def _open(room: Room, actor: Actor, action: Action, argument: str | None, now: int) -> Poll:
    if action in room.polls:
        playing.close_poll(room, action, passed=False)  # it ran out, and nobody has looked since
    about = room.current.entry.id if room.current and ACTS[action].current else None
    poll = room.polls[action] = Poll(action, about, actor.person, now, now + POLL_LIFE, argument=argument)
    room.changes.polls.add(action)
    room.changes.events.append(PollOpened(room=room.id, kind=action))
    return poll


def _join(room: Room, poll: Poll, person: PersonId, now: int) -> None:
    """A second vote of the same human changes nothing."""
    if people.one(room, person) not in voters(room, poll):
        poll.votes[person] = now
        room.changes.polls.add(poll.kind)
        room.changes.events.append(PollChanged(room=room.id, kind=poll.kind))


# Counting


def needed(active: int, likes: int, threshold: float) -> int:
    """Votes that pass a question among `active` people who like the entry `likes` times."""
    return min(active, max(2, ceil(threshold * active), 1 + likes // 2))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a question stands: whose votes decide it, how many of them it has and needs."""

    electors: set[PersonId]
    votes: int
    needed: int
    passes: bool


def _standing(room: Room, poll: Poll, now: int) -> Standing:
    electors = people.electorate(room, now)
    votes = len(electors & voters(room, poll))
    likes = len(_liking(room, poll) & electors)
    need = needed(len(electors), likes, room.settings.skip_threshold)
    return Standing(electors, votes, need, now < poll.deadline and 0 < need <= votes)


def _liking(room: Room, poll: Poll) -> set[PersonId]:
    """Those whose liking makes it harder: a skip's alone."""
    return fans(room) if poll.kind == Action.SKIP else set()


def fans(room: Room) -> set[PersonId]:
    """The humans whose last word on what is on air is an up-vote; its requester's does not count."""
    if room.current is None:
        return set()
    entry = room.current.entry
    cast = sorted(entry.votes.items(), key=lambda it: (it[1].at, it[0]))
    latest = {people.one(room, person): vote.value for person, vote in cast}
    return {person for person, value in latest.items() if value > 0} - {people.one(room, entry.person)}


def voters(room: Room, poll: Poll) -> set[PersonId]:
    """The humans who said yes, whether they count at the moment or not."""
    return {people.one(room, person) for person in poll.votes}


def why(room: Room, kind: str, now: int) -> WhyPoll:
    """How a running question stands. Raises NoSuchPollError."""
    poll = room.polls.get(kind)
    if poll is None:
        raise NoSuchPollError(kind)
    standing = _standing(room, poll, now)
    return WhyPoll(
        kind=kind,
        argument=poll.argument,
        votes=standing.votes,
        needed=standing.needed,
        electorate=len(standing.electors),
        missing=max(0, standing.needed - standing.votes),
        departures=_departures(room, poll, standing),
        deadline=poll.deadline,
    )


def _departures(room: Room, poll: Poll, standing: Standing) -> int | None:
    """The fewest of those who did not vote whose leaving would pass it; fans of what is on air weigh most."""
    silent = standing.electors - voters(room, poll)
    liking = _liking(room, poll) & standing.electors
    for gone in range(len(silent) + 1 if standing.votes else 0):
        likes = len(liking) - min(gone, len(liking & silent))
        if needed(len(standing.electors) - gone, likes, room.settings.skip_threshold) <= standing.votes:
            return gone
    return None


# Ending


def due(room: Room, now: int) -> bool:
    """Whether a running poll is over, either way."""
    return any(now >= poll.deadline or _standing(room, poll, now).passes for poll in room.polls.values())


def settle(room: Room, now: int) -> None:
    """End the polls that passed (what they ask for is done) or ran out, the oldest first."""
    for poll in sorted(room.polls.values(), key=lambda poll: (poll.opened_at, poll.kind)):
        if room.polls.get(poll.kind) is not poll:
            continue  # it ended with what was on air
        if now >= poll.deadline:
            playing.close_poll(room, poll.kind, passed=False)
        elif _standing(room, poll, now).passes:
            _pass(room, poll, now)


def _pass(room: Room, poll: Poll, now: int) -> None:
    act = ACTS[Action(poll.kind)]
    try:
        act.check(room, poll.argument)
    except ChorusError:
        playing.close_poll(room, poll.kind, passed=False)  # there is nothing to do any more
        return
    if poll.kind != Action.SKIP:  # whose votes the play's row tells: it ends with the play
        playing.close_poll(room, poll.kind, passed=True)
    act.do(room, _opener(room, poll), poll.argument, now)


def _opener(room: Room, poll: Poll) -> Actor:
    names = (it.name for it in room.people.values() if it.person == poll.opened_by)
    return Actor(poll.opened_by, next(names, ""), room.place, Surface.SYSTEM)
