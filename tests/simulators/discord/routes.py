"""What each REST route does. A handler takes the request and its body, and returns JSON or None (204)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.simulators.discord import commands
from tests.simulators.discord.attachments import Attachment
from tests.simulators.discord.bodies import EPHEMERAL, Json
from tests.simulators.discord.channels import Channel, StageChannel, VoiceChannel
from tests.simulators.discord.errors import ApiError, bad_body
from tests.simulators.discord.guilds import Guild
from tests.simulators.discord.interactions import COMMAND, COMPONENT, Interaction
from tests.simulators.discord.messages import Message, new_message

if TYPE_CHECKING:
    from tests.simulators.discord.simulator import DiscordSimulator

FILES: web.RequestKey[list[Attachment]] = web.RequestKey("files", list)
Route = tuple[str, str, Callable[[web.Request, Any], Any]]
MISSING_ACCESS = (403, 50001, "Missing Access")
MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")


class Routes:
    """The handlers, by noun."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self._discord = discord

    def table(self) -> list[Route]:
        message = "/channels/{channel}/messages/{message}"
        webhook = "/webhooks/{application}/{token}"
        registered = "/applications/{application}/commands"
        entitlements = "/applications/{application}/entitlements"
        registered_in_guild = "/applications/{application}/guilds/{guild}/commands"
        return [
            ("GET", "/gateway", lambda request, body: {"url": self._discord.gateway_url}),
            ("GET", "/gateway/bot", self.gateway_bot),
            ("GET", "/users/@me", lambda request, body: self._discord.bot.payload() | {"verified": True}),
            ("GET", "/users/{user}", self.user),
            ("POST", "/users/@me/channels", self._discord.direct.open),
            ("GET", "/applications/@me", self.application),
            ("GET", "/oauth2/applications/@me", self.application),
            *((method, path, self.commands) for method in ("GET", "PUT") for path in (registered, registered_in_guild)),
            ("GET", "/applications/{application}/skus", self._discord.premium.list_skus),
            ("GET", entitlements, self._discord.premium.listed),
            ("POST", entitlements, self._discord.premium.create),
            ("GET", entitlements + "/{entitlement}", self._discord.premium.one),
            ("DELETE", entitlements + "/{entitlement}", self._discord.premium.delete),
            ("GET", "/guilds/{guild}", lambda request, body: self._guild(request).summary()),
            ("GET", "/guilds/{guild}/members/{user}", self.member),
            ("PATCH", "/guilds/{guild}/voice-states/@me", self.own_voice_state),
            ("GET", "/channels/{channel}", lambda request, body: self._channel(request).payload()),
            ("PUT", "/channels/{channel}/voice-status", self.voice_status),
            ("POST", "/channels/{channel}/typing", self.typing),
            ("POST", "/channels/{channel}/messages", self.send),
            ("GET", "/channels/{channel}/messages", self.history),
            ("GET", message, lambda request, body: self._message(request).payload),
            ("PATCH", message, self.edit),
            ("DELETE", message, self.delete),
            ("POST", "/interactions/{interaction}/{token}/callback", self.callback),
            ("POST", webhook, self.follow_up),
            ("GET", webhook + "/messages/{message}", self.get_answer),
            ("PATCH", webhook + "/messages/{message}", self.edit_answer),
            ("DELETE", webhook + "/messages/{message}", self.delete_answer),
        ]

    # -- the application --

    def gateway_bot(self, request: web.Request, body: Json) -> Json:
        limit = {"total": 1000, "remaining": 1000 - self._discord.gateway.identified, "reset_after": 86_400_000}
        return {
            "url": self._discord.gateway_url,
            "shards": self._discord.shards,
            "session_start_limit": limit | {"max_concurrency": 1},
        }

    def application(self, request: web.Request, body: Json) -> Json:
        return {
            "id": str(self._discord.application_id),
            "name": self._discord.bot.username,
            "icon": None,
            "description": "",
            "summary": "",
            "type": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "owner": self._discord.bot.payload() | {"bot": False},
            "team": None,
            "hook": True,
            "integration_types_config": {"0": {}},
        }

    def user(self, request: web.Request, body: Json) -> Json:
        wanted = _id(request, "user")
        for guild in self._discord.guilds.values():
            if wanted in guild.members:
                return guild.members[wanted].user.payload()
        raise ApiError(404, 10013, "Unknown User")

    def commands(self, request: web.Request, body: Any) -> list[Json]:
        self._check_application(request)
        guild = self._guild(request) if "guild" in request.match_info else None
        owner = guild or self._discord
        if request.method == "PUT":
            guild_id = guild.id if guild else None
            owner.commands = commands.register(body, self._discord.application_id, guild_id, owner.commands)
        return owner.commands

    def _check_application(self, request: web.Request) -> None:
        if _id(request, "application") != self._discord.application_id:
            raise ApiError(404, 10002, "Unknown Application", mistake=True)

    # -- guilds and channels --

    def _guild(self, request: web.Request) -> Guild:
        guild = self._discord.guilds.get(_id(request, "guild"))
        if guild is None or not guild.joined:
            raise ApiError(404, 10004, "Unknown Guild")
        return guild

    def member(self, request: web.Request, body: Json) -> Json:
        member = self._guild(request).members.get(_id(request, "user"))
        if member is None:
            raise ApiError(404, 10007, "Unknown Member")
        return member.payload()

    def _channel(self, request: web.Request) -> Channel:
        wanted = _id(request, "channel")
        for guild in self._discord.guilds.values():
            channel = guild.channels.get(wanted)
            if channel and (not guild.joined or not guild.bot.can("view_channel", channel)):
                raise ApiError(*MISSING_ACCESS)
            if channel:
                return channel
        raise ApiError(404, 10003, "Unknown Channel")

    def voice_status(self, request: web.Request, body: Json) -> None:
        channel = self._channel(request)
        if not isinstance(channel, VoiceChannel) or set(body) != {"status"} or len(body["status"] or "") > 500:
            raise bad_body("status", "a voice channel and a status of at most 500 characters")
        channel.status = body["status"]

    def own_voice_state(self, request: web.Request, body: Json) -> None:
        """On a stage; resources/voice.md, "Modify Current User Voice State"."""
        bot = self._guild(request).bot
        if unknown := set(body) - {"channel_id", "suppress", "request_to_speak_timestamp"}:
            raise bad_body(min(unknown), "unknown key")
        if bot.voice is None or not isinstance(bot.voice.channel, StageChannel):
            raise ApiError(404, 10065, "Unknown Voice State")
        if str(body.get("channel_id")) != str(bot.voice.channel.id):  # discord.py sends a number, which is taken
            raise bad_body("channel_id", "not the stage that the bot is in")
        asked = body.get("request_to_speak_timestamp")
        needed = ["mute_members"] * (body.get("suppress") is False) + ["request_to_speak"] * bool(asked)
        if not all(bot.can(name, bot.voice.channel) for name in needed):
            raise ApiError(*MISSING_PERMISSIONS)
        if "suppress" in body:
            bot.take_stage(on=not body["suppress"])
        if asked:
            bot.ask_to_speak(asked)

    def typing(self, request: web.Request, body: Json) -> None:
        self._channel(request)

    # -- messages --

    def _message(self, request: web.Request) -> Message:
        message = self._channel(request).find(_id(request, "message"))
        if message is None or message.ephemeral:
            raise ApiError(404, 10008, "Unknown Message")
        return message

    def send(self, request: web.Request, body: Json) -> Json:
        if (direct := self._discord.direct.channel(_id(request, "channel"))) is not None:
            return self._discord.direct.send(direct, body)
        channel = self._channel(request)
        files = request.get(FILES, [])
        needed = ["send_messages"] + ["embed_links"] * bool(body.get("embeds")) + ["attach_files"] * bool(files)
        if not all(channel.guild.bot.can(name, channel) for name in needed):
            raise ApiError(*MISSING_PERMISSIONS)
        if (body.get("flags") or 0) & EPHEMERAL:
            raise bad_body("flags", "only an interaction's answer is ephemeral")
        message = new_message(channel, self._discord.bot.payload(), body, files)
        if "everyone" in message.pings and not channel.guild.bot.can("mention_everyone", channel):
            message.pings.remove("everyone")
        channel.post(message)
        self._discord.tell_message("MESSAGE_CREATE", message)
        return message.payload

    def history(self, request: web.Request, body: Json) -> list[Json]:
        messages = self._channel(request).messages
        before, after = (int(request.query.get(name, default)) for name, default in (("before", 1 << 63), ("after", 0)))
        found = [m.payload for m in reversed(messages) if after < m.id < before]
        return found[: int(request.query.get("limit", 50))]

    def edit(self, request: web.Request, body: Json) -> Json:
        message = self._message(request)
        if message.payload["author"]["id"] != str(self._discord.bot.id):
            raise ApiError(403, 50005, "Cannot edit a message authored by another user")
        message.edit(body, request.get(FILES, []))
        self._discord.tell_message("MESSAGE_UPDATE", message)
        return message.payload

    def delete(self, request: web.Request, body: Json) -> None:
        message = self._message(request)
        own = message.payload["author"]["id"] == str(self._discord.bot.id)
        if not own and not message.channel.guild.bot.can("manage_messages", message.channel):
            raise ApiError(*MISSING_PERMISSIONS)
        self._discord.delete_message(message)

    # -- answers to interactions --

    def callback(self, request: web.Request, body: Json) -> Json | None:
        interaction = self._discord.interactions.by_id.get(_id(request, "interaction"))
        if interaction is None or interaction.token != request.match_info["token"]:
            raise ApiError(404, 10062, "Unknown interaction", mistake=True)
        shown = interaction.respond(body, request.get(FILES, []))
        return shown if request.query.get("with_response") in ("1", "true") else None

    def _answered(self, request: web.Request) -> Interaction:
        self._check_application(request)
        interaction = self._discord.interactions.by_token.get(request.match_info["token"])
        if interaction is None or interaction.type not in (COMMAND, COMPONENT, 5):
            raise ApiError(404, 10015, "Unknown Webhook", mistake=True)
        return interaction

    def follow_up(self, request: web.Request, body: Json) -> Json | None:
        message = self._answered(request).follow_up(body, request.get(FILES, []))
        return message.payload if request.query.get("wait") in ("1", "true") else None

    def get_answer(self, request: web.Request, body: Json) -> Json:
        return self._answered(request).find(request.match_info["message"]).payload

    def edit_answer(self, request: web.Request, body: Json) -> Json:
        interaction = self._answered(request)
        message = interaction.find(request.match_info["message"])
        interaction.edit(message, body, request.get(FILES, []))
        return message.payload

    def delete_answer(self, request: web.Request, body: Json) -> None:
        interaction = self._answered(request)
        interaction.delete(interaction.find(request.match_info["message"]))


def _id(request: web.Request, name: str) -> int:
    value = request.match_info[name]
    if not value.isdigit():
        raise ApiError(400, 50035, "Invalid Form Body", mistake=True)
    return int(value)
