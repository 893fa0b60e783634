"""Discord's voice channels: joining them by gateway op 4 and collecting the data that a node needs to connect."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

import discord
import structlog
import wavelink

from audio.node import Node
from audio.stage import Stage
from audio.voice_data import Rejoin, VoiceData, VoiceRefusedError, after_close

JOIN_TIMEOUT = 10.0
REJOIN_DELAYS = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
STABLE = 60.0
"""Seconds of being connected after which a loss counts as the first again."""
MOVE_TIMEOUT = 3.0
"""Seconds in which Discord names the voice server of a channel that it moved us to."""
GATEWAY_ERRORS = (ConnectionError, discord.DiscordException, AttributeError)
"""What sending over a gateway that is down may raise (AttributeError: discord.py has no websocket just then)."""

log = structlog.get_logger()


class VoicePlayer(wavelink.Player):
    """Wavelink's voice protocol without its own PATCH: what Discord says goes to the room's `Voice`."""

    def __init__(self, client: discord.Client, channel: discord.abc.Connectable, *, node: Node, voice: "Voice") -> None:
        super().__init__(client, channel, nodes=[node.wave])
        self._voice = voice

    async def connect(
        self,
        *,
        timeout: float = JOIN_TIMEOUT,  # noqa: ASYNC109 - discord.py's signature
        reconnect: bool,
        self_deaf: bool = False,
        self_mute: bool = False,
    ) -> None:
        """Send op 4; what comes of it is reported by Discord, in any order."""
        self._guild = self.channel.guild
        for outdated in ("token", "endpoint"):  # the session stays as it is unless Discord says otherwise
            cast("dict[str, str]", self._voice_state["voice"]).pop(outdated, None)
        await self._guild.change_voice_state(channel=self.channel, self_deaf=True, self_mute=self_mute)

    def keep(self, data: VoiceData) -> None:
        """Go on with a voice session that outlived the last process."""
        self._guild = self.channel.guild
        self._voice_state = {
            "voice": {"token": data.token, "endpoint": data.endpoint, "session_id": data.session_id},
            "channel_id": data.channel_id,
        }

    async def on_voice_state_update(self, data: Any, /) -> None:
        """Our own voice state changed."""
        channel = data["channel_id"]
        if channel is not None:
            self._voice_state["voice"]["session_id"] = data["session_id"]
            self._voice_state["channel_id"] = str(channel)
            self.channel = cast("Any", self.client.get_channel(int(channel))) or self.channel
        here = int(channel) if channel else None
        self._voice.state_changed(here, muted=bool(data.get("mute")), suppressed=bool(data.get("suppress")))
        if self._voice.data is None:
            await self._dispatch_voice_update()

    async def _dispatch_voice_update(self) -> None:
        state = cast("dict[str, str]", self._voice_state["voice"])
        channel = self._voice_state.get("channel_id")
        if channel and state.get("session_id") and state.get("token") and state.get("endpoint"):
            self._voice.data_came(VoiceData(state["token"], state["endpoint"], state["session_id"], channel))

    async def disconnect(self, **_: Any) -> None:
        """Leave the channel; the node's player is not touched."""
        with contextlib.suppress(*GATEWAY_ERRORS):
            await self.channel.guild.change_voice_state(channel=None)
        self.cleanup()


class Voice:
    """A room's place in a voice channel. `changed` is called when there is something to look at again."""

    def __init__(self, guild: int, changed: Callable[[], None]) -> None:
        self.guild = guild
        self.data: VoiceData | None = None
        self.trouble = ""
        """Why it is not connected, as a code."""
        self.lost = ""
        """Set when Discord put us out: `kicked` or `channel_deleted`. Whoever reads it clears it."""
        self.moved: int | None = None
        """Set when Discord moved us. Whoever reads it clears it."""
        self.muted = False
        self._stage = Stage()
        self._changed = changed
        self._client: discord.Client | None = None
        self._player: VoicePlayer | None = None
        self._wanted: int | None = None
        self._asked_at = 0.0
        self._kept = False
        self._losses = 0
        self._up_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def attach(self, client: discord.Client) -> None:
        """Discord is ready (again): a fresh session has forgotten us, so the channel is entered anew."""
        self._client = client
        if self._player is not None and client._connection._get_voice_client(self.guild) is not self._player:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - discord.py forgets voice clients on a fresh READY
            client._connection._add_voice_client(self.guild, self._player)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            self.rejoin(Rejoin())
        self._changed()

    def detach(self) -> None:
        """Let Discord's client close without leaving the channel."""
        if self._client is not None:
            self._client._connection._remove_voice_client(self.guild)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - there is no public way to stay

    @property
    def connecting(self) -> bool:
        """Whether the data of the wanted channel are on their way."""
        waited = asyncio.get_running_loop().time() - self._asked_at
        return self._wanted is not None and self.data is None and waited < JOIN_TIMEOUT

    @property
    def bitrate(self) -> int | None:
        """What the wanted channel takes, in bit/s, which the guild's boosts raise; None while that is not known."""
        channel = self._client.get_channel(self._wanted) if self._client and self._wanted else None
        return channel.bitrate if isinstance(channel, discord.VoiceChannel | discord.StageChannel) else None

    def adopt(self, data: VoiceData) -> None:
        """A node is connected by these data already."""
        if self.data is None:
            self.data = data

    def region(self, channel: int) -> str:
        """Where its voice server is: what its name begins with, or what the channel's settings say; else empty."""
        if self.data is not None:
            return self.data.endpoint.partition(".")[0]
        found = self._client.get_channel(channel) if self._client is not None else None
        return found.rtc_region or "" if isinstance(found, discord.VoiceChannel | discord.StageChannel) else ""

    async def follow(self, channel: int | None, node: Node) -> None:
        """Be in `channel`, or in none. Raises VoiceRefusedError."""
        if channel is None:
            await self.leave()
        elif self._client is not None and channel != self._wanted:
            await self._join(channel, node)

    async def leave(self) -> None:
        """Be in no channel."""
        player, self._player, self._wanted, self.data = self._player, None, None, None
        self._cancel_timer()
        self.trouble = ""
        if player is not None:
            await player.disconnect()

    def state_changed(self, channel: int | None, *, muted: bool, suppressed: bool) -> None:
        """What the gateway says of us: where we are, and who keeps us from being heard."""
        self.muted = muted
        if self._wanted is None:
            return
        self._look_at_stage(channel, suppressed=suppressed)
        if channel is None and self._kept:
            self.rejoin(Rejoin())  # the session of the last process ran out
        elif channel is None:
            self._put_out()
        elif channel != self._wanted:
            self._wanted = self.moved = channel
            asyncio.get_running_loop().call_later(MOVE_TIMEOUT, self._check_move, channel)
        self._changed()

    def _check_move(self, channel: int) -> None:
        """The server's data came before we knew of the move, and name the former channel: an encrypted one is mute."""
        if self._wanted == channel and self.data is not None and self.data.channel_id != str(channel):
            self.rejoin(Rejoin())

    def _look_at_stage(self, channel: int | None, *, suppressed: bool) -> None:
        found = self._client.get_channel(channel) if self._client is not None and channel is not None else None
        self._stage.look(found, suppressed=suppressed)

    @property
    def silenced(self) -> str:
        """Why nobody in the channel hears us, as a code: `muted`, `audience`, or empty."""
        return "audience" if self._stage.silent else "muted" if self.muted else ""

    def _put_out(self) -> None:
        guild = self._client.get_guild(self.guild) if self._client else None
        gone = guild is None or self._wanted is None or guild.get_channel(self._wanted) is None
        self.lost = "channel_deleted" if gone else "kicked"
        player, self._player, self._wanted, self.data = self._player, None, None, None
        self._cancel_timer()
        if player is not None:
            player.cleanup()

    def data_came(self, data: VoiceData) -> None:
        """Discord named a voice server."""
        self.data = data
        self.trouble = ""
        self._kept = False
        self._up_since = asyncio.get_running_loop().time()
        self._changed()

    def closed(self, code: int) -> None:
        """A node says that the voice server closed the connection for good."""
        log.info("voice closed", guild=self.guild, code=code)
        self.rejoin(after_close(code))

    def rejoin(self, policy: Rejoin) -> None:
        """Enter the channel again, later each time it does not last."""
        if self._wanted is None or self._timer is not None:
            return
        self.data = None
        loop = asyncio.get_running_loop()
        if loop.time() - self._up_since > STABLE:
            self._losses = 0
        delay = max(policy.delay, REJOIN_DELAYS[min(self._losses, len(REJOIN_DELAYS) - 1)])
        self._losses += 1
        self.trouble = policy.reason
        self._timer = loop.call_later(delay, self._ask_again)

    def _ask_again(self) -> None:
        self._timer = None
        self._wanted = None
        self._changed()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _join(self, channel_id: int, node: Node) -> None:
        client = self._client
        guild = client.get_guild(self.guild) if client else None
        if client is None or guild is None or guild.unavailable:
            return  # Discord will say when it is back
        channel = guild.get_channel(channel_id)
        if not isinstance(channel, discord.VoiceChannel | discord.StageChannel):
            raise VoiceRefusedError("channel_deleted")
        _check(channel)
        player = self._player or self._make_player(client, channel, node)
        player.channel = channel
        self._wanted = channel_id
        if self.data is not None and _still_there(channel, self.data):
            self._kept = True
            player.keep(self.data)
            self._look_at_stage(channel_id, suppressed=bool(guild.me.voice and guild.me.voice.suppress))
            return
        self.data = None
        self._asked_at = asyncio.get_running_loop().time()
        asyncio.get_running_loop().call_later(JOIN_TIMEOUT, self._overdue, channel_id)
        with contextlib.suppress(*GATEWAY_ERRORS):
            await player.connect(reconnect=True)

    def _make_player(self, client: discord.Client, channel: discord.abc.Connectable, node: Node) -> VoicePlayer:
        """What channel.connect does, without its waiting."""
        self._player = VoicePlayer(client, channel, node=node, voice=self)
        client._connection._add_voice_client(self.guild, self._player)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return self._player

    def _overdue(self, channel: int) -> None:
        if self._wanted == channel and self.data is None:
            self.rejoin(Rejoin(reason="no_answer"))
            self._changed()


def _still_there(channel: discord.VoiceChannel | discord.StageChannel, data: VoiceData) -> bool:
    """Whether Discord still shows us in the channel by the voice session of these data."""
    state = channel.guild.me.voice
    return state is not None and state.channel == channel and state.session_id == data.session_id


def _check(channel: discord.VoiceChannel | discord.StageChannel) -> None:
    may = channel.permissions_for(channel.guild.me)
    if not may.connect:
        raise VoiceRefusedError("no_connect")
    if not may.speak and isinstance(channel, discord.VoiceChannel):
        raise VoiceRefusedError("no_speak")
    inside = channel.guild.me in channel.members
    if channel.user_limit and len(channel.members) >= channel.user_limit and not (may.move_members or inside):
        raise VoiceRefusedError("full")
