"""The node: what all its sessions share, and the one way in which a player changes."""

from __future__ import annotations

import asyncio
import gc
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import structlog

from lavalink import trackstring
from lavalink.engine import Engine
from lavalink.limits import UNLIMITED, Gate, Limits
from lavalink.memory import share_heaps, tidy
from lavalink.player import Player
from lavalink.protocol import UNSET, ApiError, LoadError, PlayerPatch, Track, TrackInfo, TrackPatch, Unset
from lavalink.sessions import Sessions
from lavalink.sources import Sources
from lavalink.stats import Stats
from lavalink.trackstring import TrackStringError
from lavalink.traffic import TRAFFIC
from lavalink.voice import VoiceLink, voice_session, warm_up

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from lavalink.protocol import NextTrack, PlayerModel, VoiceState
    from lavalink.sessions import Session

NEXT_LOAD_TIMEOUT = 2.0
"""Seconds that an answer waits for what is known of the next track: opening it is the player's business."""

SNOWFLAKE = re.compile(r"[0-9]{1,19}")

log = structlog.get_logger()


class Node:
    """Players, sources and the engine; made by `start`, ended by `stop`."""

    def __init__(
        self, *, origins: Sequence[str] | None = None, limits: Limits = UNLIMITED, behind: bool = False
    ) -> None:
        self.behind = behind
        """Whether its only client is the process that spreads players over several (lavalink/front.py)."""
        self.sessions = Sessions()
        self.stats = Stats(self.sessions)
        self.engine = Engine()
        self._origins = origins
        self._gate = Gate(limits, TRAFFIC)
        self._loading = 0
        self._starting: list[Player] = []
        """Players that are being given their first track: it is open before they have it."""

    async def start(self) -> None:
        """Starts the threads and opens the way out."""
        share_heaps()
        unlimited = aiohttp.TCPConnector(limit=0)  # every player holds a connection while it plays
        self._media = aiohttp.ClientSession(connector=unlimited, auto_decompress=False)
        self._voice = voice_session()
        self.sources = Sources(self._media, origins=self._origins)
        await self.engine.start()
        self._warming = asyncio.create_task(_warm())
        self._chores = [asyncio.create_task(tidy()), asyncio.create_task(TRAFFIC.watch())]

    async def stop(self) -> None:
        """Ends what sessions shared; they have been closed before."""
        await self._warming
        for chore in self._chores:
            chore.cancel()
        await self.engine.stop()
        await self.sources.close()
        await self._voice.close()
        await self._media.close()

    async def update_player(
        self, session: Session, guild_id: int, patch: PlayerPatch, *, no_replace: bool
    ) -> PlayerModel:
        """Applies a PATCH: the voice server first, then the track, then all at once; raises ApiError."""
        wanted = _check(patch)
        if session.closed:  # while the request's body was on its way
            raise ApiError(404, "Session not found")
        player = self._admit(session, guild_id, wanted)
        if no_replace and player.loaded and _names_track(wanted):
            patch, wanted = _without_play(patch), None
        with self._counted(player, wanted):
            track, next_track, _ = await asyncio.gather(
                self._track(wanted), self._next(patch), self._connect(session, player, patch.voice)
            )
            if session.players.get(guild_id) is not player:
                raise ApiError(404, "Player not found")
            player.apply(patch, track=track, next_track=next_track)
        return player.model()

    @contextmanager
    def _counted(self, player: Player, wanted: TrackPatch | None) -> Generator[None]:
        """Count the track that a player is about to get among the open ones."""
        if not _opens(wanted):
            yield
            return
        self._starting.append(player)
        try:
            yield
        finally:
            self._starting.remove(player)

    def _admit(self, session: Session, guild_id: int, wanted: TrackPatch | None) -> Player:
        """The player, made if the node may take on one more; raises ApiError 503. What plays is never refused."""
        player = session.players.get(guild_id)
        players = self.sessions.players
        busy = [one for one in players if one.loaded or one in self._starting]
        if _opens(wanted) and player not in busy:
            self._gate.admit_source(self._loading + len(busy))
        if player is None:
            self._gate.admit_player(len(players))
        return player or self._add_player(session, guild_id)

    async def load(self, identifier: str) -> TrackInfo | None:
        """What an identifier stands for (see `Sources.load`); raises ApiError 503 when too many tracks are open."""
        self._gate.admit_source(self._loading)
        return await self._load(identifier)

    async def _load(self, identifier: str) -> TrackInfo | None:
        self._loading += 1
        try:
            return await self.sources.load(identifier)
        finally:
            self._loading -= 1

    async def delete_player(self, session: Session, guild_id: int) -> None:
        """Ends a player, if there is one."""
        player = session.players.pop(guild_id, None)
        if player is not None:
            await player.close()

    def _add_player(self, session: Session, guild_id: int) -> Player:
        voice = VoiceLink(
            guild_id,
            session.user_id,
            session=self._voice,
            on_closed=partial(_report_closed, session, guild_id),
        )
        player = Player(guild_id, engine=self.engine, sources=self.sources, emit=session.emit, voice=voice)
        session.players[guild_id] = player
        return player

    async def _connect(self, session: Session, player: Player, voice: VoiceState | None) -> None:
        if voice is not None:
            await player.voice.connect(voice)
            session.update_player(player)

    async def _track(self, wanted: TrackPatch | None) -> Track | Unset | None:
        if wanted is None or not _names_track(wanted):
            return UNSET
        user_data = wanted.user_data or {}
        if wanted.identifier is None:
            return None if wanted.encoded is None else decode(wanted.encoded, user_data)
        try:
            info = await self.sources.load(wanted.identifier)
        except LoadError as error:
            raise ApiError(400, error.message) from error
        if info is None:
            raise ApiError(400, "No matches found for identifier")
        return make_track(info, user_data)

    async def _next(self, patch: PlayerPatch) -> Track | Unset | None:
        if patch.chorus is None or "next" not in patch.chorus.model_fields_set:
            return UNSET
        wanted = patch.chorus.next
        if wanted is None:
            return None
        if wanted.encoded is not None:
            return decode(wanted.encoded, wanted.user_data)
        return make_track(await self._next_info(wanted), wanted.user_data)

    async def _next_info(self, wanted: NextTrack) -> TrackInfo:
        """What can be known in short time; if the track cannot be opened, the player will find out and say so."""
        identifier = wanted.identifier or ""
        try:
            async with asyncio.timeout(NEXT_LOAD_TIMEOUT):
                info = await self._load(identifier)
        except (LoadError, TimeoutError):
            info = None
        return info or TrackInfo(
            identifier=identifier,
            is_seekable=False,
            author="Unknown artist",
            length=0,
            is_stream=False,
            title="Unknown title",
            uri=identifier,
            source_name="http",
        )


def make_track(info: TrackInfo, user_data: dict[str, object] | None = None) -> Track:
    """A loaded track as clients see it."""
    try:
        encoded = trackstring.encode(info)
    except TrackStringError as error:
        raise ApiError(400, str(error)) from error
    probe = trackstring.guess_probe(info.identifier)
    return Track(encoded=encoded, info=info, plugin_info={"probeInfo": probe}, user_data=user_data or {})


def decode(encoded: str, user_data: dict[str, object] | None = None) -> Track:
    """A client's track string; raises ApiError 400."""
    try:
        return trackstring.decode(encoded, user_data)
    except TrackStringError as error:
        raise ApiError(400, str(error)) from error


def _check(patch: PlayerPatch) -> TrackPatch | None:
    """Lavalink's rules between fields; returns which track is asked for, in the present or the deprecated form."""
    fields = patch.model_fields_set
    deprecated = fields & {"encoded_track", "identifier"}
    wanted = patch.track
    if wanted is not None and deprecated:
        raise ApiError(400, "Cannot specify both track and encodedTrack/identifier")
    if deprecated == {"encoded_track"}:
        wanted = TrackPatch(encoded=patch.encoded_track)
    elif deprecated == {"identifier"}:
        wanted = TrackPatch(identifier=patch.identifier)
    if len(deprecated) > 1 or (wanted and {"encoded", "identifier"} <= wanted.model_fields_set):
        raise ApiError(400, "Cannot specify both encodedTrack and identifier")
    if patch.end_time is not None and patch.end_time <= 0:
        raise ApiError(400, "End time must be greater than 0")
    _check_voice(patch.voice)
    return wanted


def _check_voice(voice: VoiceState | None) -> None:
    if voice is None:
        return
    values = (voice.token, voice.endpoint, voice.session_id, voice.channel_id or "")
    if not all(value.strip() for value in values):
        raise ApiError(400, "token, endpoint, sessionId and channelId must be provided in voice state")
    if not SNOWFLAKE.fullmatch(values[3]):
        raise ApiError(400, "channelId must be a snowflake")


async def _warm() -> None:
    """What is loaded now stays: full collections, in which nothing plays on, need not look at it again."""
    await warm_up()
    gc.freeze()


def _names_track(wanted: TrackPatch | None) -> bool:
    return wanted is not None and bool(wanted.model_fields_set & {"encoded", "identifier"})


def _opens(wanted: TrackPatch | None) -> bool:
    """Whether a track has to be opened; a stop is none."""
    return wanted is not None and (wanted.identifier is not None or wanted.encoded is not None)


def _without_play(patch: PlayerPatch) -> PlayerPatch:
    """With `noReplace` while something plays: all but what concerns the new track."""
    kept = patch.model_fields_set - {"track", "encoded_track", "identifier", "position", "end_time", "paused"}
    return PlayerPatch.model_construct(kept, **{name: getattr(patch, name) for name in kept})


def _report_closed(session: Session, guild_id: int, code: int, reason: str, by_remote: bool) -> None:  # noqa: FBT001
    session.emit(
        {
            "op": "event",
            "type": "WebSocketClosedEvent",
            "guildId": str(guild_id),
            "code": code,
            "reason": reason,
            "byRemote": by_remote,
        }
    )
    if guild_id in session.players:
        session.update_player(session.players[guild_id])
