"""Rules of the simulator that no well-behaved client library shows: limits, strictness, what is told to whom."""

import asyncio
import json
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.simulators.discord import DiscordSimulator, Guild, NotAnsweredError, NotPossibleError, VoiceChannel
from tests.simulators.discord.bodies import check_message
from tests.simulators.discord.errors import ApiError
from tests.simulators.discord.intents import GUILD_MEMBERS, GUILD_MESSAGES, GUILD_VOICE_STATES, GUILDS

DEFAULT = GUILDS | GUILD_VOICE_STATES


@pytest.fixture
async def discord() -> AsyncGenerator[DiscordSimulator]:
    async with DiscordSimulator.start() as discord:
        yield discord


@pytest.fixture
def guild(discord: DiscordSimulator) -> Guild:
    return discord.guild("Testers")


@pytest.fixture
def music(guild: Guild) -> VoiceChannel:
    return guild.voice_channel("Music")


class Raw:
    """A gateway client of a few lines; `events` maps names to what came."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.events: dict[str, list[Any]] = {}
        self.sequence = 0

    async def send(self, op: int, data: Any) -> None:
        await self.ws.send_json({"op": op, "d": data})

    async def op(self, wanted: int) -> Any:
        while (message := await self.ws.receive_json())["op"] != wanted:
            pass
        return message["d"]

    async def event(self, name: str) -> Any:
        """The next event of that name; those before it are kept in `events`."""
        while True:
            message = await asyncio.wait_for(self.ws.receive_json(), 5)
            self.sequence = message.get("s") or self.sequence
            self.events.setdefault(message.get("t"), []).append(message["d"])
            if message.get("t") == name:
                return message["d"]

    async def closed(self) -> int | None:
        while not self.ws.closed:
            await self.ws.receive()
        return self.ws.close_code


@asynccontextmanager
async def gateway(discord: DiscordSimulator) -> AsyncGenerator[Raw]:
    """A connection that has said nothing yet."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(discord.gateway_url + "?v=10&encoding=json", autoclose=True) as ws,
    ):
        raw = Raw(ws)
        assert (await raw.op(10))["heartbeat_interval"] > 0
        yield raw


def identify(discord: DiscordSimulator, intents: int = DEFAULT, **more: Any) -> dict[str, Any]:
    properties = {"os": "linux", "browser": "test", "device": "test"}
    return {"token": discord.token, "intents": intents, "properties": properties} | more


def op4(channel: VoiceChannel | None, guild: Guild, *, deaf: bool = False) -> dict[str, Any]:
    channel_id = str(channel.id) if channel else None
    return {"guild_id": str(guild.id), "channel_id": channel_id, "self_mute": False, "self_deaf": deaf}


# -- the gateway --


async def test_events_go_to_those_who_asked(discord: DiscordSimulator, guild: Guild, music: VoiceChannel) -> None:
    async with gateway(discord) as all_intents, gateway(discord) as few:
        discord.privileged_intents = GUILD_MEMBERS
        await all_intents.send(2, identify(discord, DEFAULT | GUILD_MEMBERS | GUILD_MESSAGES))
        await few.send(2, identify(discord, GUILDS))
        everything, little = await all_intents.event("GUILD_CREATE"), await few.event("GUILD_CREATE")
        assert [m["user"]["username"] for m in little["members"]] == ["Chorus"]
        assert len(everything["members"]) == 2
        ann = guild.member("Ann")
        await ann.join(music)
        await ann.say(music, "hello")
        guild.text_channel("end")
        await all_intents.event("CHANNEL_CREATE")
        await few.event("CHANNEL_CREATE")
        assert {"GUILD_MEMBER_ADD", "VOICE_STATE_UPDATE", "MESSAGE_CREATE"} <= set(all_intents.events)
        assert all_intents.events["MESSAGE_CREATE"][0]["content"] == ""
        assert set(few.events) == {"READY", "GUILD_CREATE", "CHANNEL_CREATE"}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([(4, {})], 4003),
        ([(99, {})], 4001),
        ([(2, {"token": "x"}), (2, {})], 4004),
        ([(2, {}), (2, {})], 4005),
        ([(2, {"intents": 1 << 40})], 4013),
        ([(2, {"intents": GUILD_MEMBERS})], 4014),
        ([(2, {"shard": [2, 2]})], 4010),
        ([(2, {}), (4, {"channel_id": "1"})], 4002),
    ],
)
async def test_mistakes_are_closed_with_their_code(
    discord: DiscordSimulator, messages: list[tuple[int, Any]], code: int
) -> None:
    async with gateway(discord) as raw:
        for op, data in messages:
            await raw.send(op, identify(discord) | data if op == 2 else data)
        assert await raw.closed() == code
    assert len(discord.failures) == (code != 4004)
    discord.failures.clear()


async def test_too_many_messages_close_the_connection(discord: DiscordSimulator) -> None:
    async with gateway(discord) as raw:
        for _ in range(121):
            await raw.send(1, None)
        assert await raw.closed() == 4008
    discord.failures.clear()


async def test_compressed_transport_is_one_stream(discord: DiscordSimulator, guild: Guild) -> None:
    url = discord.gateway_url + "?v=10&encoding=json&compress=zlib-stream"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
        await ws.send_json({"op": 2, "d": identify(discord)})
        stream = zlib.decompressobj()
        messages = [json.loads(stream.decompress(await ws.receive_bytes())) for _ in range(3)]
        assert [m["t"] if m["op"] == 0 else m["op"] for m in messages] == [10, "READY", "GUILD_CREATE"]


async def test_an_unknown_session_cannot_be_resumed(discord: DiscordSimulator, guild: Guild) -> None:
    async with gateway(discord) as raw:
        await raw.send(6, {"token": discord.token, "session_id": "gone", "seq": 1})
        assert await raw.op(9) is False
        await raw.send(2, identify(discord))
        ready = await raw.event("READY")
    async with gateway(discord) as raw:  # closed with 1000: that session is over
        await raw.send(6, {"token": discord.token, "session_id": ready["session_id"], "seq": 1})
        assert await raw.op(9) is False


async def test_members_are_asked_for(discord: DiscordSimulator, guild: Guild) -> None:
    ann = guild.member("Ann")
    async with gateway(discord) as raw:
        await raw.send(2, identify(discord))
        await raw.send(8, {"guild_id": str(guild.id), "user_ids": [str(ann.id), "5"], "limit": 100, "nonce": "n"})
        chunk = await raw.event("GUILD_MEMBERS_CHUNK")
        assert [m["user"]["id"] for m in chunk["members"]] == [str(ann.id)]
        assert (chunk["not_found"], chunk["nonce"]) == (["5"], "n")
        await raw.send(8, {"guild_id": str(guild.id), "query": "", "limit": 0})
        assert await raw.closed() == 4014
    discord.failures.clear()


# -- voice states --


async def test_each_join_brings_a_fresh_token(discord: DiscordSimulator, guild: Guild, music: VoiceChannel) -> None:
    async with gateway(discord) as raw:
        await raw.send(2, identify(discord))
        session_id = (await raw.event("READY"))["session_id"]
        tokens: set[str] = set()
        for _ in range(3):
            await raw.send(4, op4(music, guild))
            state = await raw.event("VOICE_STATE_UPDATE")
            assert (state["session_id"], state["channel_id"]) == (session_id, str(music.id))
            tokens.add((await raw.event("VOICE_SERVER_UPDATE"))["token"])
        assert len(tokens) == 3
        await raw.send(4, op4(music, guild, deaf=True))
        assert (await raw.event("VOICE_STATE_UPDATE"))["self_deaf"]
        await raw.send(4, op4(None, guild))
        assert (await raw.event("VOICE_STATE_UPDATE"))["channel_id"] is None
        assert len(raw.events["VOICE_SERVER_UPDATE"]) == 3
        assert guild.bot.voice is None


async def test_voice_outlives_a_broken_session_for_a_while(
    discord: DiscordSimulator, guild: Guild, music: VoiceChannel
) -> None:
    discord.gateway.linger = 0.2
    async with gateway(discord) as raw:
        await raw.send(2, identify(discord))
        await raw.send(4, op4(music, guild))
        await raw.event("VOICE_SERVER_UPDATE")
        discord.gateway.drop()
        await raw.closed()
    async with gateway(discord) as raw:
        await raw.send(2, identify(discord))
        [state] = (await raw.event("GUILD_CREATE"))["voice_states"]
        assert state["user_id"] == str(discord.bot.id)
        assert (await raw.event("VOICE_STATE_UPDATE"))["channel_id"] is None


async def test_a_full_channel_lets_nobody_in(discord: DiscordSimulator, guild: Guild) -> None:
    small = guild.voice_channel("Small", user_limit=1)
    await guild.member("Ann").join(small)
    async with gateway(discord) as raw:
        await raw.send(2, identify(discord))
        await raw.send(4, op4(small, guild))
        await raw.send(1, None)
        await raw.op(11)
    assert guild.bot.voice is None
    small.deny(guild.everyone, "connect")
    with pytest.raises(NotPossibleError):
        await guild.member("Bea").join(small)


# -- REST --


async def test_a_spent_bucket_answers_429_with_what_a_client_needs(discord: DiscordSimulator, guild: Guild) -> None:
    url = f"{discord.api_url}/channels/{guild.text_channel('chat').id}/messages"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {discord.token}"}) as session:
        for left in (4, 3, 2, 1, 0):
            async with session.post(url, json={"content": "x"}) as response:
                assert response.headers["X-RateLimit-Remaining"] == str(left)
        async with session.post(url, json={"content": "x"}) as response:
            assert response.status == 429
            assert response.headers["Via"]
            assert 0 < (await response.json())["retry_after"] <= 5


async def test_files_are_read_in_parts_until_they_expire(discord: DiscordSimulator) -> None:
    attachment = discord.upload("song.mp3", b"0123456789")
    async with aiohttp.ClientSession() as session:
        async with session.get(attachment.url, headers={"Range": "bytes=2-4"}) as response:
            assert (response.status, await response.read()) == (206, b"234")
            assert response.headers["Content-Range"] == "bytes 2-4/10"
        async with session.get(attachment.url.split("?")[0]) as response:
            assert response.status == 404
        attachment.expired = True
        async with session.get(attachment.url) as response:
            assert response.status == 404


async def test_nobody_home_is_told_in_time(discord: DiscordSimulator, guild: Guild) -> None:
    with pytest.raises(NotPossibleError, match="no /play"):
        await guild.member("Ann").slash("play")
    with pytest.raises(NotAnsweredError):
        await discord.ready(within=0.05)


# -- message bodies --


def button(**more: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go"} | more


def row(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(children)}


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2000},
        {"embeds": [{"description": "x" * 4096}]},
        {"content": "x", "components": [row(button(), button(custom_id="b"))]},
        {"flags": 1 << 15, "components": [{"type": 10, "content": "text"}, row(button())]},
        {"content": "x", "allowed_mentions": {"parse": []}},
    ],
)
def test_good_bodies(body: dict[str, Any]) -> None:
    check_message(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": ""},
        {"content": 5},
        {"content": "x", "flags": 1 << 7},
        {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]},
        {"embeds": [{"fields": [{"name": "", "value": "x"}]}]},
        {"embeds": [{"title": "x", "url": "javascript:alert(1)"}]},
        {"content": "x", "components": [row(*[button(custom_id=str(n)) for n in range(6)])]},
        {"content": "x", "components": [row(button()), row(button())]},
        {"content": "x", "components": [row(button(label="x" * 81))]},
        {"content": "x", "components": [row(button(label=None))]},
        {"content": "x", "components": [row({"type": 3, "custom_id": "s", "options": []})]},
        {"content": "x", "components": [row(button(custom_id=str(n))) for n in range(6)]},
        {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "text"}]},
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
    ],
)
def test_bad_bodies(body: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        check_message(body)
