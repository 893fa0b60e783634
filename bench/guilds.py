"""Memory of the real Discord client for each of 2,500 guilds that it holds, 50 people of each sent to it."""

import asyncio
import gc
import json
import os
import sys
from typing import Any

from bench.figures import judged
from bench.processes import memory
from cogs.discord.client import ChorusClient
from core.bus import LocalBus
from tests.fake_ports import make_ports
from tests.fakes import FakeClock, FakeLibrary, FakeLiveMessages, FakePlaces, FakeRooms, FakeShelf

GUILDS = 2_500
MEMBERS, ROLES, CHANNELS, EMOJIS = 50, 25, 40, 50
FIRST = 1_000_000_000_000_000_000
MEASURE = "from bench.guilds import measure; import asyncio; asyncio.run(measure())"


async def run() -> dict[str, Any]:
    """In a process of its own."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", MEASURE, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    return json.loads(output)


async def measure() -> None:
    """Print the figures."""
    client = _client()
    state: Any = client._connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - where the gateway puts guilds
    state.shard_count = 1
    gc.collect()
    before = memory(os.getpid())
    for number in range(GUILDS):
        state._add_guild_from_data(json.loads(json.dumps(_guild(number))))  # noqa: SLF001
    gc.collect()
    taken = memory(os.getpid()) - before
    print(json.dumps({"guild_kb": judged(taken * 1024 / GUILDS, 40), "all_mb": round(taken, 1), "guilds": GUILDS}))


def _client() -> ChorusClient:
    bus, clock = LocalBus(), FakeClock()
    rooms, library = FakeRooms(bus), FakeLibrary()
    ports = make_ports(rooms, FakePlaces(rooms), FakeShelf(rooms), library, bus, clock)
    return ChorusClient(ports, rooms=rooms, live_messages=FakeLiveMessages())


def _guild(number: int) -> dict[str, Any]:
    """What GUILD_CREATE says of a guild of middling size."""
    base = FIRST + number * 1_000_000
    return {
        "id": str(base),
        "name": f"Guild number {number}",
        "icon": "0123456789abcdef0123456789abcdef",
        "owner_id": str(base + 1),
        "afk_timeout": 300,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 1,
        "preferred_locale": "en-US",
        "system_channel_flags": 0,
        "member_count": 400,
        "large": True,
        "features": ["COMMUNITY", "NEWS"],
        "roles": [_role(base + 1000 * n, n) for n in range(ROLES)],
        "channels": [_channel(base + 10_000 + n, n) for n in range(CHANNELS)],
        "emojis": [_emoji(base + 20_000 + n, n) for n in range(EMOJIS)],
        "stickers": [],
        "members": [_member(base + 30_000 + n) for n in range(MEMBERS)],
        "voice_states": [],
        "threads": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def _role(id_: int, number: int) -> dict[str, Any]:
    shape = {"color": 0, "hoist": False, "managed": False, "mentionable": True, "flags": 0}
    colors = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    return shape | {"id": str(id_), "name": f"role {number}", "position": number, "permissions": "0", "colors": colors}


def _channel(id_: int, number: int) -> dict[str, Any]:
    overwrite = {"id": str(id_ + 5_000), "type": 0, "allow": "1024", "deny": "0"}
    shape = {"id": str(id_), "type": 2 if number % 4 == 0 else 0, "name": f"channel-{number}", "position": number}
    more = {"bitrate": 64_000, "user_limit": 0} if number % 4 == 0 else {"topic": "what is talked about", "nsfw": False}
    return shape | more | {"parent_id": None, "permission_overwrites": [overwrite]}


def _emoji(id_: int, number: int) -> dict[str, Any]:
    flags = {"require_colons": True, "managed": False, "animated": False, "available": True}
    return flags | {"id": str(id_), "name": f"emoji_{number}", "roles": []}


def _member(id_: int) -> dict[str, Any]:
    user = {"id": str(id_), "username": f"person_{id_}", "discriminator": "0", "avatar": None, "global_name": None}
    shape = {"nick": None, "roles": [], "joined_at": "2024-01-01T00:00:00+00:00", "deaf": False, "mute": False}
    return shape | {"user": user, "flags": 0}
