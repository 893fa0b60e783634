"""Who may do what: one table, used by every surface, whose cells the admins of a place may change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from core import people
from core.enums import Guests, Surface
from core.errors import AnotherChannelError, ForbiddenError, NoSuchChoiceError, NoSuchRoomError, NotListeningError
from core.playing import is_web
from core.room import Room
from core.types import Actor, Entry


class Action(StrEnum):
    """What people do."""

    PLAY = "play"
    PLAY_NEXT = "play_next"
    IMPORT = "import"
    EXPORT = "export"
    VOTE = "vote"
    SKIP = "skip"
    PREVIOUS = "previous"
    JUMP = "jump"
    REMOVE = "remove"
    MOVE = "move"
    SHUFFLE = "shuffle"
    CLEAR = "clear"
    UNDO = "undo"
    CLOSE = "close"
    PAUSE = "pause"
    RESUME = "resume"
    SEEK = "seek"
    VOLUME = "volume"
    FILTER = "filter"
    CROSSFADE = "crossfade"
    LOUDNESS = "loudness"
    LOOP = "loop"
    MODE = "mode"
    STOP = "stop"
    JOIN = "join"
    LEAVE = "leave"
    FAVOURITE = "favourite"
    CONFIGURE = "configure"
    BLOCK = "block"
    AUDIT = "audit"


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
    OPERATOR = "operator"
    """Runs the installation, and is an admin everywhere."""


POLL = "poll"
"""Stands among the roles of a cell: whoever may not act alone may ask the others."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Any of `roles` may act alone, on a page if `guests` is at least this; with `poll` the others may ask."""

    roles: frozenset[Role]
    poll: bool = False
    guests: Guests = Guests.ADD


def _rule(*roles: Role, poll: bool = False, guests: Guests = Guests.ADD) -> Rule:
    return Rule(frozenset(roles), poll, guests)


_ADD = _rule(Role.LISTENER, Role.VISITOR, Role.DJ)
_LOOK = _rule(Role.LISTENER, Role.VISITOR, Role.DJ, guests=Guests.LISTEN)
_CONTROL = _rule(Role.REQUESTER, Role.MEMBER, Role.ALONE, Role.DJ)
_SHARED = _rule(Role.MEMBER, Role.ALONE, Role.DJ)
_RULE = _rule(Role.ALONE, Role.DJ)
_ASK = replace(_RULE, poll=True)
_ADMIN = _rule(Role.ADMIN)

TABLE: dict[Action, Rule] = {
    Action.PLAY: _ADD,
    Action.PLAY_NEXT: _RULE,
    Action.IMPORT: _ADD,
    Action.EXPORT: _LOOK,
    Action.VOTE: _rule(Role.LISTENER, Role.DJ, guests=Guests.VOTE),
    Action.SKIP: _rule(Role.REQUESTER, Role.ALONE, Role.DJ, poll=True, guests=Guests.VOTE),
    Action.PREVIOUS: _ASK,
    Action.JUMP: _RULE,
    Action.REMOVE: _rule(Role.REQUESTER, Role.DJ),
    Action.MOVE: _rule(Role.REQUESTER, Role.ALONE, Role.DJ),
    Action.SHUFFLE: _ASK,
    Action.CLEAR: _ASK,
    Action.UNDO: _RULE,
    Action.CLOSE: _rule(Role.DJ),
    Action.PAUSE: _CONTROL,
    Action.RESUME: _CONTROL,
    Action.SEEK: _CONTROL,
    Action.VOLUME: replace(_CONTROL, poll=True),
    Action.FILTER: replace(_CONTROL, poll=True),
    Action.CROSSFADE: replace(_SHARED, poll=True),
    Action.LOUDNESS: replace(_SHARED, poll=True),
    Action.LOOP: _SHARED,
    Action.MODE: _rule(Role.DJ, poll=True),
    Action.STOP: _ASK,
    Action.JOIN: _rule(Role.LISTENER, Role.DJ),
    Action.LEAVE: _RULE,
    Action.FAVOURITE: _LOOK,
    Action.CONFIGURE: _ADMIN,
    Action.BLOCK: _ADMIN,
    Action.AUDIT: _ADMIN,
}
_LEVELS = list(Guests)
_HELPED_BY_COMING = {Role.LISTENER, Role.MEMBER, Role.ALONE}


def rule_of(room: Room, action: Action) -> Rule:
    """The rule for `action` here: the default's, or the cell that an admin chose."""
    rule, cell = TABLE[action], room.settings.policy.get(action)
    if cell is None:
        return rule
    return replace(rule, roles=frozenset(role for role in Role if role in cell), poll=POLL in cell)


def choices(action: Action) -> tuple[str, ...]:
    """What a cell of the table may hold."""
    if TABLE[action] is _ADMIN:
        return (Role.ADMIN, Role.OPERATOR)
    return (*Role, POLL) if TABLE[action].poll else (*Role,)


def checked_cell(name: str, roles: Sequence[str]) -> tuple[str, ...]:
    """A cell as settings hold it. Raises NoSuchChoiceError for an action or a role that there is not."""
    if name not in list(Action):
        raise NoSuchChoiceError("policy", name, (*Action,))
    known = choices(Action(name))
    for role in roles:
        if role not in known:
            raise NoSuchChoiceError(f"policy.{name}", role, known)
    return tuple(choice for choice in known if choice in roles)


def require(room: Room, actor: Actor, action: Action, now: int, entry: Entry | None = None) -> None:
    """Let `actor` do `action` (about `entry`) alone.

    Raises NotListeningError, AnotherChannelError, ForbiddenError; NoSuchRoomError for somebody of another place.
    """
    if allows(room, actor, action, now, entry):
        return
    require_place(room, actor)
    rule, held = rule_of(room, action), roles(room, actor, now, entry)
    _require_guests(room, actor, action, rule.guests)
    if Role.LISTENER not in held and rule.roles & _HELPED_BY_COMING:
        raise absence(room, actor)
    raise ForbiddenError(action, _who_may(rule))


def require_place(room: Room, actor: Actor) -> None:
    """Raises NoSuchRoomError for somebody who speaks from a place that has nothing to do with the room."""
    if not _comes_by_a_place_of(room, actor):
        raise NoSuchRoomError


def require_poll(room: Room, actor: Actor, action: Action, now: int, entry: Entry | None = None) -> None:
    """Let `actor` ask the others for `action`, or raise as `require` does."""
    if not rule_of(room, action).poll or not _comes_by_a_place_of(room, actor):
        require(room, actor, action, now, entry)
    _require_guests(room, actor, action, Guests.VOTE)
    if not listens(room, actor, now):
        raise absence(room, actor)


def _require_guests(room: Room, actor: Actor, action: Action, least: Guests) -> None:
    if not _is_welcome(room, actor, least):
        raise ForbiddenError(action, "guests")


def _is_welcome(room: Room, actor: Actor, least: Guests) -> bool:
    return actor.surface is not Surface.WEB or _LEVELS.index(room.settings.guests) >= _LEVELS.index(least)


def _who_may(rule: Rule) -> Role:
    return next((role for role in (Role.DJ, Role.REQUESTER) if role in rule.roles), Role.ADMIN)


def allows(room: Room, actor: Actor, action: Action, now: int, entry: Entry | None = None) -> bool:
    """Whether `actor` may do `action` (about `entry`) alone; an admin always may."""
    if not _comes_by_a_place_of(room, actor):
        return False
    held, rule = roles(room, actor, now, entry), rule_of(room, action)
    if Role.ADMIN in held:
        return True
    if not _is_welcome(room, actor, rule.guests):
        return False
    return bool(held & rule.roles) or (Role.ALONE in rule.roles and _alone(room, actor, held, now))


def asks(room: Room, actor: Actor, action: Action, now: int, entry: Entry | None = None) -> bool:
    """Whether `actor`, who may not do `action` alone, may ask the others for it."""
    if allows(room, actor, action, now, entry) or not rule_of(room, action).poll:
        return False
    return _comes_by_a_place_of(room, actor) and _is_welcome(room, actor, Guests.VOTE) and listens(room, actor, now)


def _comes_by_a_place_of(room: Room, actor: Actor) -> bool:
    """Whether `actor` speaks from a place that shares the room, or from its page: an admin elsewhere is nobody here."""
    return actor.surface is Surface.SYSTEM or actor.place in {room.place, *room.linked, f"web:{room.id}"}


def roles(room: Room, actor: Actor, now: int, entry: Entry | None = None) -> set[Role]:
    """The roles that `actor` holds now, `entry` being the one in question; all but `ALONE`, which takes counting."""
    held: set[Role] = set()
    if actor.operator:
        held |= {Role.OPERATOR, Role.ADMIN}
    if actor.admin:
        held.add(Role.ADMIN)
    if actor.dj:
        held.add(Role.DJ)
    if actor.surface is Surface.WEB:
        held.add(Role.VISITOR)
    if entry is not None and people.is_same(room, entry.person, actor.person):
        held.add(Role.REQUESTER)
    if listens(room, actor, now):
        held.add(Role.LISTENER)
        if room.settings.dj_role is None and actor.surface is not Surface.WEB and not is_web(room):
            held.add(Role.MEMBER)
    return held


def _alone(room: Room, actor: Actor, held: set[Role], now: int) -> bool:
    return Role.LISTENER in held and people.electorate(room, now) <= {people.one(room, actor.person)}


def listens(room: Room, actor: Actor, now: int) -> bool:
    """Whether `actor` is there, by what the room knows or by what the surface just saw."""
    if people.is_present(room, actor.person, now):
        return True
    match actor.surface:
        case Surface.DISCORD:
            return actor.voice_channel is not None and (
                room.voice_channel in {None, actor.voice_channel} or not people.in_voice(room)
            )
        case Surface.TELEGRAM | Surface.CHAT | Surface.SYSTEM:
            return True
        case Surface.WEB:
            return False


def absence(room: Room, actor: Actor) -> AnotherChannelError | NotListeningError:
    """What to tell somebody who is not there."""
    if actor.voice_channel is not None and room.voice_channel is not None:
        return AnotherChannelError(room.voice_channel)
    return NotListeningError()
