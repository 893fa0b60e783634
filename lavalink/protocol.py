"""Models of Lavalink's v4 protocol and of its `chorus` extension (docs/nodes.md).

Field names are Python's; the wire's camelCase names are aliases. Times are milliseconds.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lavalink import rtmp_address
from lavalink.filters import Filters  # noqa: TC001 (pydantic reads it)
from lavalink.wire import Flag, Integer, Model, Patch

Severity = Literal["common", "suspicious", "fault"]


class Unset(Enum):
    """Tells "not mentioned" from null where a default cannot."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class ApiError(Exception):
    """A request that is refused: becomes Lavalink's error body with this HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class LoadError(Exception):
    """A source that cannot be played: `loadType: error` when loading, TrackExceptionEvent when playing."""

    def __init__(self, message: str, severity: Severity = "common", cause: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.severity: Severity = severity
        self.cause = cause or message

    def wire(self) -> dict[str, Any]:
        """The protocol's exception object."""
        return {
            "message": self.message,
            "severity": self.severity,
            "cause": self.cause,
            "causeStackTrace": self.cause,
        }


class TrackInfo(Model):
    """What is known of a track; `length` and `position` in ms (`length` is 2**63 - 1 for streams)."""

    identifier: str
    is_seekable: bool
    author: str
    length: int
    is_stream: bool
    position: int = 0
    title: str
    uri: str | None = None
    artwork_url: str | None = None
    isrc: str | None = None
    source_name: str


class Track(Model):
    """A track as clients see it; `encoded` is Lavaplayer's track string."""

    encoded: str
    info: TrackInfo
    plugin_info: dict[str, Any] = Field(default_factory=dict)
    user_data: dict[str, Any] = Field(default_factory=dict)


class VoiceState(Model):
    """Discord's voice server as a client passes it on; `endpoint` is `host[:port]`."""

    token: str
    endpoint: str
    session_id: str
    channel_id: str | None = None


class PlayerState(Model):
    """Where a player is: `time` in ms since the epoch, `ping` in ms or -1."""

    time: int
    position: int
    connected: bool
    ping: int


class TrackPatch(Patch):
    """Which track to play (`encoded: null` stops) or new `userData` for the one that plays."""

    nullable: ClassVar[frozenset[str]] = frozenset({"encoded"})

    encoded: str | None = None
    identifier: str | None = None
    user_data: dict[str, Any] | None = None


class NextTrack(Patch):
    """The track to join gaplessly; exactly one of `encoded` and `identifier`."""

    model_config = ConfigDict(extra="forbid")

    encoded: str | None = None
    identifier: str | None = None
    position: Annotated[int, Field(ge=0)] = 0
    user_data: dict[str, Any] = Field(default_factory=dict)
    crossfade_ms: Annotated[int, Field(ge=0, le=12_000)] = 0
    filters: Filters | None = None
    """The player's filters from the join on, in place of those that are on by then."""

    @model_validator(mode="after")
    def _name_one_track(self) -> Self:
        if (self.encoded is None) == (self.identifier is None):
            raise ValueError("next needs either encoded or identifier")
        return self


TapId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class StreamTap(Model):
    """A player's sound, read at `GET …/taps/{id}`."""

    model_config = ConfigDict(extra="forbid")

    id: TapId
    type: Literal["stream"]
    format: Literal["opus", "mp3", "aac"]


class PushTap(Model):
    """A player's sound, pushed to an RTMP server.

    `url` holds the key, so neither it nor `video` is ever shown again. `address` is the IP address to connect to in
    place of asking for the host's; `video` where a still picture is.
    """

    model_config = ConfigDict(extra="forbid")

    id: TapId
    type: Literal["rtmp"]
    url: Annotated[str, AfterValidator(rtmp_address.checked)] = Field(exclude=True, repr=False)
    address: Annotated[str, AfterValidator(rtmp_address.checked_ip)] | None = Field(
        default=None, exclude=True, repr=False
    )
    video: str | None = Field(default=None, exclude=True, repr=False)


Tap = Annotated[StreamTap | PushTap, Field(discriminator="type")]


class PushModel(Model):
    """A push as answers show it; `state` is `connecting`, `live` or why it failed last."""

    id: str
    type: Literal["rtmp"] = "rtmp"
    state: str


class ChorusPatch(Patch):
    """The extension's part of a player update; unknown keys are refused by name."""

    model_config = ConfigDict(extra="forbid")
    nullable: ClassVar[frozenset[str]] = frozenset({"next"})

    next: NextTrack | None = None
    taps: list[Tap] | None = None
    bitrate: Annotated[int, Field(ge=6_000, le=510_000)] | None = None
    """Bits a second."""
    fade_ms: Annotated[int, Field(ge=0, le=150)] | None = None

    @model_validator(mode="after")
    def _refuse_twins(self) -> Self:
        ids = [tap.id for tap in self.taps or ()]
        if len(ids) != len(set(ids)):
            raise ValueError("two taps have the same id")
        return self


class PlayerPatch(Patch):
    """Body of `PATCH /v4/sessions/{session}/players/{guild}`."""

    nullable: ClassVar[frozenset[str]] = frozenset({"encoded_track", "end_time"})

    track: TrackPatch | None = None
    encoded_track: str | None = None
    identifier: str | None = None
    position: Integer | None = None
    end_time: Integer | None = None
    volume: Integer | None = None
    paused: Flag | None = None
    filters: Filters | None = None
    voice: VoiceState | None = None
    chorus: ChorusPatch | None = None


class SessionPatch(Patch):
    """Body of `PATCH /v4/sessions/{session}`; `timeout` in seconds."""

    resuming: Flag | None = None
    timeout: Integer | None = None


class ChorusModel(Model):
    """The extension's part of a player: the prepared track, the open taps, the encoder's bits a second."""

    next: Track | None = None
    taps: list[StreamTap | PushModel] = Field(default_factory=list[StreamTap | PushModel])
    bitrate: int
    fade_ms: int


class PlayerModel(Model):
    """A player as REST answers show it."""

    guild_id: str
    track: Track | None
    volume: int
    paused: bool
    state: PlayerState
    voice: VoiceState
    filters: dict[str, Any]
    chorus: ChorusModel


def validation_message(error: ValidationError) -> str:
    """The first fault of a body in one line, with the key's path; never the value (it may be a token)."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message
