"""Who may do what: one table, used by every surface."""

from dataclasses import dataclass
from enum import StrEnum

from core import people
from core.errors import AnotherChannelError, ForbiddenError, NotListeningError
from core.playing import is_web
from core.room import Room
from core.types import Actor, Entry, Guests, Surface


class Action(StrEnum):
    """What people do."""

    PLAY = "play"
    VOTE = "vote"
    SKIP = "skip"
    SKIP_NOW = "skip_now"
    REMOVE = "remove"
    PAUSE = "pause"
    RESUME = "resume"
    SEEK = "seek"
    VOLUME = "volume"
    JOIN = "join"
    CLEAR = "clear"
    STOP = "stop"
    LEAVE = "leave"
    CONFIGURE = "configure"


class Role(StrEnum):
    """What somebody is in a room at the moment."""

    LISTENER = "listener"
    """There, in the room's voice channel or on its page."""
    VISITOR = "visitor"
    """Looks at the room's page, listening or not."""
    REQUESTER = "requester"
    """Asked for the entry in question."""
    ALONE = "alone"
    """Nobody else hears the room."""
    MEMBER = "member"
    """A listener from a place that named no DJ role: its people share the controls."""
    DJ = "dj"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Rule:
    """Any of `roles` may; on a page, `guests` must be at least this."""

    roles: frozenset[Role]
    guests: Guests = Guests.ADD


def _rule(*roles: Role, guests: Guests = Guests.ADD) -> Rule:
    return Rule(frozenset(roles), guests)


_CONTROL = _rule(Role.REQUESTER, Role.MEMBER, Role.ALONE, Role.DJ)
_RULE = _rule(Role.ALONE, Role.DJ)

TABLE: dict[Action, Rule] = {
    Action.PLAY: _rule(Role.LISTENER, Role.VISITOR, Role.DJ),
    Action.VOTE: _rule(Role.LISTENER, Role.DJ, guests=Guests.VOTE),
    Action.SKIP: _rule(Role.LISTENER, Role.REQUESTER, Role.DJ, guests=Guests.VOTE),
    Action.SKIP_NOW: _rule(Role.REQUESTER, Role.ALONE, Role.DJ, guests=Guests.VOTE),
    Action.REMOVE: _rule(Role.REQUESTER, Role.DJ),
    Action.PAUSE: _CONTROL,
    Action.RESUME: _CONTROL,
    Action.SEEK: _CONTROL,
    Action.VOLUME: _CONTROL,
    Action.JOIN: _rule(Role.LISTENER, Role.DJ),
    Action.CLEAR: _RULE,
    Action.STOP: _RULE,
    Action.LEAVE: _RULE,
    Action.CONFIGURE: _rule(Role.ADMIN),
}
_LEVELS = list(Guests)


def require(room: Room, actor: Actor, action: Action, now: int, entry: Entry | None = None) -> None:
    """Let `actor` do `action` (about `entry`), or raise NotListeningError, AnotherChannelError, ForbiddenError."""
    held, rule = roles(room, actor, now, entry), TABLE[action]
    if Role.ADMIN in held:
        return
    if actor.surface is Surface.WEB and _LEVELS.index(room.settings.guests) < _LEVELS.index(rule.guests):
        raise ForbiddenError(action, "guests")
    if held & rule.roles or (Role.ALONE in rule.roles and _alone(room, actor, held, now)):
        return
    if Role.ADMIN in rule.roles:
        raise ForbiddenError(action, Role.ADMIN)
    if Role.LISTENER not in held:
        raise absence(room, actor)
    raise ForbiddenError(action, Role.DJ)


def allows(room: Room, actor: Actor, action: Action, now: int, entry: Entry | None = None) -> bool:
    """Whether the roles of `actor` suffice for `action`."""
    held, rule = roles(room, actor, now, entry), TABLE[action]
    return bool(held & (rule.roles | {Role.ADMIN})) or (Role.ALONE in rule.roles and _alone(room, actor, held, now))


def roles(room: Room, actor: Actor, now: int, entry: Entry | None = None) -> set[Role]:
    """The roles that `actor` holds now, `entry` being the one in question; all but `ALONE`, which takes counting."""
    held: set[Role] = set()
    if actor.admin or actor.operator:
        held.add(Role.ADMIN)
    if actor.dj:
        held.add(Role.DJ)
    if actor.surface is Surface.WEB:
        held.add(Role.VISITOR)
    if entry is not None and entry.person == actor.person:
        held.add(Role.REQUESTER)
    if listens(room, actor, now):
        held.add(Role.LISTENER)
        if room.settings.dj_role is None and actor.surface is not Surface.WEB and not is_web(room):
            held.add(Role.MEMBER)
    return held


def _alone(room: Room, actor: Actor, held: set[Role], now: int) -> bool:
    return Role.LISTENER in held and people.electorate(room, now) <= {actor.person}


def listens(room: Room, actor: Actor, now: int) -> bool:
    """Whether `actor` is there, by what the room knows or by what the surface just saw."""
    if people.is_present(room, actor.person, now):
        return True
    match actor.surface:
        case Surface.DISCORD:
            return actor.voice_channel is not None and (
                room.voice_channel in {None, actor.voice_channel} or not people.in_voice(room)
            )
        case Surface.TELEGRAM | Surface.SYSTEM:
            return True
        case Surface.WEB:
            return False


def absence(room: Room, actor: Actor) -> AnotherChannelError | NotListeningError:
    """What to tell somebody who is not there."""
    if actor.voice_channel is not None and room.voice_channel is not None:
        return AnotherChannelError(room.voice_channel)
    return NotListeningError()
