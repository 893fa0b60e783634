"""The orders written down literally: slow, obvious, and what the fast ones must equal."""

from math import ceil

from core.enums import Hearing, Mode, TurnMeasure
from core.room import Room
from core.types import Entry, EntryId, PersonId, Poll, Presence

SIX_HOURS = 6 * 3_600_000
TEN_MINUTES = 600_000
ROUND = 210_000
PLAY = 232_792_560**2
HORIZON = 50


def one(room: Room, person: PersonId) -> PersonId:
    return room.same.get(person, person)


def counts(room: Room, person: PersonId, now: int) -> bool:
    return any(
        one(room, each.person) == person and (each.left_at is None or now - each.left_at < TEN_MINUTES)
        for each in room.people.values()
    )


def votes(room: Room, entry: Entry, now: int) -> dict[PersonId, int]:
    """Each person's vote that counts: of several identities the later one."""
    cast = sorted(entry.votes.items(), key=lambda item: (item[1].at, item[0]))
    latest = {one(room, voter): vote.value for voter, vote in cast}
    own = one(room, entry.person)
    return {voter: value for voter, value in latest.items() if voter != own and counts(room, voter, now)}


def decides(presence: Presence, now: int) -> bool:
    """In voice and not deaf; at a stream for ten seconds, or gone from it for less than fifteen; in a chat lately."""
    gone = None if presence.left_at is None else now - presence.left_at
    since = now - presence.since
    match presence.hearing:
        case Hearing.VOICE:
            return gone is None and not presence.deaf
        case Hearing.STREAM:
            return (gone is None or gone < 15_000) and (since >= 10_000 or since < 0)
        case Hearing.CHAT:
            return gone is None and since < TEN_MINUTES


def electorate(room: Room, now: int) -> set[PersonId]:
    """Everybody who decides, once; of the guests of one address the three who came first.

    Who only looks at the page decides where nobody hears or chats.
    """
    everybody = [each for each in room.people.values() if decides(each, now)]
    there = [each for each in everybody if each.hearing != "chat" or not each.place.startswith("web:")] or everybody
    electors = {one(room, each.person) for each in there if each.address is None}
    for address in {each.address for each in there} - {None}:
        guests = sorted((each.since, one(room, each.person)) for each in there if each.address == address)
        electors.update(list(dict.fromkeys(person for _, person in guests))[:3])
    return electors


def needed(room: Room, kind: str, now: int) -> int:
    """How many have to agree; fans of what is on air count for its skip alone."""
    electors, likes = electorate(room, now), 0
    if kind == "skip" and room.current is not None:
        entry = room.current.entry
        cast = sorted(entry.votes.items(), key=lambda it: (it[1].at, it[0]))
        last = {one(room, voter): vote.value for voter, vote in cast}
        own = one(room, entry.person)
        likes = sum(1 for voter, value in last.items() if value > 0 and voter in electors and voter != own)
    active = len(electors)
    return min(active, max(2, ceil(room.settings.skip_threshold * active), 1 + likes // 2))


def passes(room: Room, poll: Poll, now: int) -> bool:
    """Whether enough of those who are there have agreed."""
    yes = electorate(room, now) & {one(room, each) for each in poll.votes}
    return now < poll.deadline and 0 < needed(room, poll.kind, now) <= len(yes)


def score(room: Room, entry: Entry, now: int) -> int:
    return sum(votes(room, entry, now).values())


def seat(room: Room, entry: Entry) -> int:
    if entry.seat is not None:
        return entry.seat
    if room.shuffle is not None and entry.id <= room.shuffle.upto:
        word = (1 << 64) - 1
        z = (entry.id * 0x9E3779B97F4A7C15 + room.shuffle.seed) & word
        z = ((z ^ (z >> 29)) * 0xBF58476D1CE4E5B9) & word
        return (z >> 14) - (1 << 50)
    return entry.first_requested_at * 1024


def turns_that_count(room: Room, now: int) -> list[EntryId]:
    on_air = room.current.entry.id if room.current else None
    return [
        turn.entry
        for turn in sorted(room.turns.values(), key=lambda turn: (turn.started_at, turn.entry))
        if turn.counted
        and (turn.entry == on_air or (now - turn.started_at < SIX_HOURS and turn.started_at >= room.emptied_at))
    ]


def start(room: Room, person: PersonId, now: int) -> int:
    """Where somebody's next turn starts: where their last one ended, or in the round of the latest turn in order."""
    had = [room.turns[entry] for entry in turns_that_count(room, now)]
    by_count = room.settings.turns is TurnMeasure.COUNT
    own = [turn for turn in had if one(room, turn.person) == one(room, person)]
    ends = [turn.start + (ROUND if by_count else turn.airtime) for turn in own]
    return max([0, *ends, *(turn.start // ROUND * ROUND for turn in had if not turn.forced)])


def lane(room: Room, entry: Entry, now: int) -> int:
    if entry.id == room.locked:
        return 0
    if entry.starts_at is not None and not entry.forced:
        return 5 if entry.starts_at > now else 1
    if entry.forced:
        return 2 if entry.parked else 1
    return 4 if entry.parked else 3


def order(room: Room, now: int, horizon: int = HORIZON) -> list[EntryId]:
    lanes = [[entry for entry in room.entries.values() if lane(room, entry, now) == number] for number in range(6)]
    for number in (0, 1, 2):
        lanes[number].sort(key=lambda entry: (seat(room, entry), entry.id))
    lanes[5].sort(key=lambda entry: (entry.starts_at or 0, seat(room, entry), entry.id))
    match room.mode:
        case Mode.FAIR:
            fair(room, lanes, now)
        case Mode.VOTES:
            for number in (3, 4):
                lanes[number].sort(key=lambda entry: (-score(room, entry, now), seat(room, entry), entry.id))
        case Mode.PROPORTIONAL:
            proportional(room, lanes, now, horizon)
        case _:
            for number in (3, 4):
                lanes[number].sort(key=lambda entry: (seat(room, entry), entry.id))
    return [entry.id for each in lanes for entry in each]


def fair(room: Room, lanes: list[list[Entry]], now: int) -> None:
    by_count = room.settings.turns is TurnMeasure.COUNT
    rounds: dict[EntryId, int] = {}
    for person in {one(room, entry.person) for each in lanes[:5] for entry in each}:
        spent = start(room, person, now)
        for number in range(5):
            own = [entry for entry in lanes[number] if one(room, entry.person) == person]
            if number >= 3:
                own.sort(key=lambda entry: (-score(room, entry, now), seat(room, entry), entry.id))
            for entry in own:
                rounds[entry.id] = spent // ROUND
                length = ROUND if entry.track.length is None else entry.track.length
                spent += ROUND if by_count else length
    for number in (3, 4):
        lanes[number].sort(key=lambda entry: (rounds[entry.id], -score(room, entry, now), seat(room, entry), entry.id))


Loads = dict[PersonId | None, int]
"""What each person bore; None: what everybody else did."""


def risen(loads: Loads, people: set[PersonId], plays: int = 1) -> int:
    """The lowest level such that filling everybody up to it takes as much as the plays cost."""
    level, lowest = 0, sorted(loads.get(person, loads[None]) for person in people)
    for count in range(1, len(lowest) + 1):
        level = -(-(sum(lowest[:count]) + plays * PLAY) // count)
        if count == len(lowest) or level <= lowest[count]:
            break
    return level


def charge(loads: Loads, people: set[PersonId]) -> None:
    level = risen(loads, people)
    for person in people:
        loads[person] = max(level, loads.get(person, loads[None]))
    floor = max(loads.values()) - PLAY
    for person in loads:
        loads[person] = max(floor, loads[person])


def proportional(room: Room, lanes: list[list[Entry]], now: int, horizon: int) -> None:
    approvers = {
        entry.id: {one(room, entry.person), *(who for who, value in votes(room, entry, now).items() if value > 0)}
        for each in lanes
        for entry in each
    }
    loads: Loads = {None: 0}
    for played in turns_that_count(room, now):
        turn = room.turns[played]
        charge(loads, {one(room, person) for person in (turn.person, *turn.approvers)})
    bounds: dict[EntryId, int] = {}
    for number in (3, 4):
        for entry in lanes[number]:
            equals = [other for other in lanes[number] if approvers[other.id] == approvers[entry.id]]
            equals.sort(key=lambda other: (seat(room, other), other.id))
            bounds[entry.id] = risen(loads, approvers[entry.id], equals.index(entry) + 1)
    for each in lanes[:3]:
        for entry in each:
            charge(loads, approvers[entry.id])
    ranks = sum(map(len, lanes[:3]))
    for number in (3, 4):
        settled: list[Entry] = []
        left = lanes[number]
        while left and ranks < horizon:
            best = min(left, key=lambda entry: (risen(loads, approvers[entry.id]), seat(room, entry), entry.id))
            charge(loads, approvers[best.id])
            settled.append(best)
            left = [entry for entry in left if entry is not best]
            ranks += 1
        left.sort(key=lambda entry: (bounds[entry.id], seat(room, entry), entry.id))
        lanes[number] = settled + left
        ranks += len(left)
