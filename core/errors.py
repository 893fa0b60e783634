"""What can be refused. Errors carry data; each surface chooses the words."""

from dataclasses import dataclass

from core.enums import BlockKind, Meter
from core.types import EntryId, PlaceId


class ChorusError(Exception):
    """Base of everything that a person may be told."""


class StoreUnavailableError(ChorusError):
    """The database cannot be reached or written; nothing was changed as far as is known."""


class NoSuchRoomError(ChorusError):
    """There is no such room."""


@dataclass
class NoSuchEntryError(ChorusError):
    """The entry is not waiting: it was played, removed, or never existed."""

    entry: EntryId


class NotListeningError(ChorusError):
    """The person has to be in the room first (a voice channel, the page)."""


@dataclass
class AnotherChannelError(ChorusError):
    """The room is heard in another voice channel than the person's."""

    channel: int


@dataclass
class ForbiddenError(ChorusError):
    """The policy does not let this person do `action`; `needs` names the role that may."""

    action: str
    needs: str


@dataclass
class VoiceForbiddenError(ChorusError):
    """The bot lacks a permission in the voice channel: `connect` or `speak`, or the channel is full."""

    channel: int
    permission: str


class NothingPlayingError(ChorusError):
    """There is no current entry."""


class NotSeekableError(ChorusError):
    """The current entry is live."""


@dataclass
class OutOfRangeError(ChorusError):
    """`value` of `field` is outside `low`–`high`."""

    field: str
    value: float
    low: float
    high: float


@dataclass
class NoSuchSettingError(ChorusError):
    """There is no setting of this name, or the value is not of its kind."""

    setting: str


@dataclass
class NoSuchChoiceError(NoSuchSettingError):
    """`value` is none of the `choices` for the setting."""

    value: str
    choices: tuple[str, ...]


@dataclass
class BadFilterError(ChorusError):
    """A filter that there is not. `reason`: `json` (it is none), `unknown` (no filter or setting is called `name`),
    `kind` (`name` takes another kind of value).
    """

    reason: str
    name: str


@dataclass
class NotInPlanError(ChorusError):
    """The place's plan lacks `feature`: `filter`, `crossfade`, `loudness`, `pushes` (or another one)."""

    feature: str


@dataclass
class BadAddressError(ChorusError):
    """Nothing can be pushed there. `reason`: `scheme` (only rtmp and rtmps), `form` (no rtmp[s]://host/app/key)."""

    reason: str


@dataclass
class NoSuchPushError(ChorusError):
    """The room has no push of this id."""

    push: str


@dataclass
class PollRunningError(ChorusError):
    """A question of this `kind` is running about another `argument` (a volume, a mode)."""

    kind: str
    argument: str | None


@dataclass
class NoSuchPollError(ChorusError):
    """No question of this `kind` is running."""

    kind: str


@dataclass
class AlreadyLinkedError(ChorusError):
    """The place shares a room already; it has to be unlinked first."""

    place: PlaceId


@dataclass
class CannotLinkError(ChorusError):
    """`place` cannot share that room: chats and web rooms join a guild's room, and nothing else does."""

    place: PlaceId


class NoSuchCodeError(ChorusError):
    """The code was used, has run out, or never was."""


class NotLinkedError(ChorusError):
    """There is nothing to unlink."""


@dataclass
class QueueFullError(ChorusError):
    """The queue holds `limit` entries already."""

    limit: int


@dataclass
class TooManyEntriesError(ChorusError):
    """The person has `limit` entries waiting already."""

    limit: int


@dataclass
class TooLongError(ChorusError):
    """The track is longer than `limit` ms; `title` names it."""

    title: str
    limit: int


@dataclass
class NothingFoundError(ChorusError):
    """Nothing matches `query`."""

    query: str


@dataclass
class SourceOffError(ChorusError):
    """The link belongs to `source`, which the operator has not switched on."""

    source: str


@dataclass
class UnplayableError(ChorusError):
    """The link or file cannot be played. `reason`: `private_address`, `not_audio`, `not_found`, `too_large`,
    `corrupt`, `timeout`, `unreachable`, `bad_link`.
    """

    reason: str


class OwnEntryError(ChorusError):
    """A vote for one's own entry would not count."""


@dataclass
class NoNodeError(ChorusError):
    """No audio node is up; the music goes on when one is."""


@dataclass
class RateLimitedError(ChorusError):
    """Too much at once; try again after `retry_after` seconds."""

    retry_after: float


class ClosedError(ChorusError):
    """The queue is closed: only DJs add to it."""


@dataclass
class DuplicateError(ChorusError):
    """Everything that was to be queued waits or plays already; `title` names the first."""

    title: str


@dataclass
class BlockedError(ChorusError):
    """Everything that was to be queued is on the blocklist; `title` names the first, `kind` and `value` its line."""

    kind: BlockKind
    value: str
    title: str


class NothingToUndoError(ChorusError):
    """Nothing was removed, cleared, moved or shuffled within the last 30 s."""


class NoHistoryError(ChorusError):
    """Nothing has been played that could be played again."""


@dataclass
class TooManyLinesError(ChorusError):
    """The list has more than `limit` lines."""

    limit: int


@dataclass
class NotAListError(ChorusError):
    """The file is no list of tracks. `reason`: `binary`, `empty`, `too_large`, `corrupt`."""

    reason: str


@dataclass
class UsedUpError(ChorusError):
    """The place used as much of `meter` as its plan has in a period; there is more from `until` (UTC ms) on."""

    meter: Meter
    until: int
