"""Private messages from the bot to people: who takes them, and nonces that are enforced."""

import time
from typing import TYPE_CHECKING

from aiohttp import web

from tests.simulators.discord.bodies import Json
from tests.simulators.discord.channels import Channel
from tests.simulators.discord.errors import ApiError, bad_body
from tests.simulators.discord.ids import snowflake
from tests.simulators.discord.messages import Message, new_message

if TYPE_CHECKING:
    from tests.simulators.discord.members import User
    from tests.simulators.discord.simulator import DiscordSimulator

REMEMBERED = 180.0
"""Seconds for which a nonce is known; "the past few minutes" (resources/message.md, Create Message)."""
REFUSED = (403, 50007, "Cannot send messages to this user")


class DirectChannel(Channel):
    """What the bot and one person say to each other."""

    TYPE = 1

    def __init__(self, user: "User") -> None:
        self.user = user
        self.id = snowflake()
        self._messages: dict[int, Message] = {}
        self.nonces: dict[str, tuple[float, Message]] = {}

    def payload(self) -> Json:
        shown: Json = {"id": str(self.id), "type": self.TYPE, "flags": 0, "last_message_id": None}
        return shown | {"recipients": [self.user.payload()]}


class Direct:
    """The private channels. `closed` are people who take no messages from those who are no friends."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self._discord = discord
        self._by_user: dict[int, DirectChannel] = {}
        self.closed: set[int] = set()

    def to(self, user: int) -> list[Message]:
        """What the bot wrote to somebody, oldest first."""
        return self._by_user[user].messages if user in self._by_user else []

    def open(self, request: web.Request, body: Json) -> Json:
        """POST /users/@me/channels (resources/user.md, Create DM)."""
        if set(body) != {"recipient_id"} or not str(body["recipient_id"]).isdigit():
            raise bad_body("recipient_id", "one snowflake is required")
        user = self._user(int(body["recipient_id"]))
        channel = self._by_user.setdefault(user.id, DirectChannel(user))
        return channel.payload()

    def channel(self, number: int) -> DirectChannel | None:
        return next((it for it in self._by_user.values() if it.id == number), None)

    def send(self, channel: DirectChannel, body: Json) -> Json:
        """A message; one whose nonce was used a moment ago is the former one again."""
        nonce = str(body["nonce"]) if body.get("enforce_nonce") and "nonce" in body else None
        if nonce is not None and len(nonce) > 25:
            raise bad_body("nonce", "at most 25 characters")
        if nonce in channel.nonces and time.monotonic() - channel.nonces[nonce][0] < REMEMBERED:
            return channel.nonces[nonce][1].payload
        if channel.user.id in self.closed or not self._shares(channel.user.id):
            raise ApiError(*REFUSED)
        message = new_message(channel, self._discord.bot.payload(), body, [])
        channel.post(message)
        if nonce is not None:
            channel.nonces[nonce] = (time.monotonic(), message)
        return message.payload

    def _user(self, wanted: int) -> "User":
        for guild in self._discord.guilds.values():
            if wanted in guild.members:
                return guild.members[wanted].user
        raise ApiError(400, 50033, "Invalid Recipient(s)")

    def _shares(self, wanted: int) -> bool:
        return any(guild.joined and wanted in guild.members for guild in self._discord.guilds.values())
