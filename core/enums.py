"""What can be chosen, and the kinds of things, as they are stored and sent."""

from enum import StrEnum


class Surface(StrEnum):
    """Where a person speaks from."""

    DISCORD = "discord"
    TELEGRAM = "telegram"
    WEB = "web"
    CHAT = "chat"
    """One of the further surfaces (`core.ports.surfaces`)."""
    SYSTEM = "system"


class Guests(StrEnum):
    """What people of the page may do in a room; each includes the ones before."""

    OFF = "off"
    LISTEN = "listen"
    VOTE = "vote"
    ADD = "add"


class Hearing(StrEnum):
    """How a person hears the room."""

    VOICE = "voice"
    STREAM = "stream"
    CHAT = "chat"


class Mode(StrEnum):
    """What decides the order of a room's queue."""

    FAIR = "fair"
    """Turn first, votes inside the turn."""
    FIFO = "fifo"
    VOTES = "votes"
    PROPORTIONAL = "proportional"
    """Sequential Phragmén: those who agree get their share of the plays."""
    DJ = "dj"
    """By hand alone: only DJs add, and they order."""


class Loop(StrEnum):
    """What becomes of a track that ended by itself."""

    OFF = "off"
    TRACK = "track"
    QUEUE = "queue"


class Filters(StrEnum):
    """Which filters a plan allows; each includes the ones before."""

    BASIC = "basic"
    """The bass boost."""
    PRESETS = "presets"
    ALL = "all"
    """Those made by hand, too."""


class TurnMeasure(StrEnum):
    """What a turn costs."""

    COUNT = "count"
    AIRTIME = "airtime"


class Duplicates(StrEnum):
    """What happens to a track that waits or plays already."""

    OFF = "off"
    """Nothing: it is queued again."""
    WARN = "warn"
    BLOCK = "block"


class Leavers(StrEnum):
    """What becomes of the entries of somebody who left."""

    KEEP = "keep"
    PARK = "park"
    REMOVE = "remove"


class BlockKind(StrEnum):
    """What a line of a blocklist speaks of."""

    TRACK = "track"
    ARTIST = "artist"
    WORD = "word"
    DOMAIN = "domain"


class PauseReason(StrEnum):
    """Why a room is paused."""

    PERSON = "person"
    NOBODY = "nobody"
    INTERRUPTED = "interrupted"


class EndReason(StrEnum):
    """Why a play ended; the values that a `plays` row carries."""

    FINISHED = "finished"
    SKIPPED = "skipped"
    VOTED = "voted"
    STOPPED = "stopped"
    REMOVED = "removed"
    FAILED = "failed"
    YIELDED = "yielded"
    SONG = "song"
    """A live source plays its next song; the entry goes on."""


class GrantSource(StrEnum):
    """Where a grant comes from."""

    OPERATOR = "operator"
    """A gift."""
    TRIAL = "trial"
    STRIPE = "stripe"
    DISCORD = "discord"
    STARS = "stars"


class Meter(StrEnum):
    """What places use that is counted, each under a limit of the same name."""

    PLAYS = "plays"
    LISTENING = "listening"
    """Ms that listeners of the web streams, and of an Icecast server, heard, all added up."""
    PUSHING = "pushing"
    """Ms that servers were sent to."""
    UPLOADS = "uploads"
    """Bytes."""
