"""What Discord's client does with a person's hands: finds the command, fills in options, presses buttons."""

import asyncio
from typing import TYPE_CHECKING, Any

from tests.simulators.discord import commands
from tests.simulators.discord.attachments import Attachment
from tests.simulators.discord.bodies import LINK, STRING_SELECT, Json, walk
from tests.simulators.discord.channels import Channel, TextChannel
from tests.simulators.discord.errors import NotPossibleError
from tests.simulators.discord.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, Interaction
from tests.simulators.discord.members import Member
from tests.simulators.discord.messages import Message
from tests.simulators.discord.replies import Reply

if TYPE_CHECKING:
    from tests.simulators.discord.guilds import Guild, Role
    from tests.simulators.discord.simulator import DiscordSimulator

KINDS: dict[int, type | tuple[type, ...]] = {
    commands.STRING: str,
    commands.INTEGER: int,
    commands.BOOLEAN: bool,
    commands.NUMBER: (int, float),
    commands.USER: Member,
    commands.CHANNEL: Channel,
    commands.ATTACHMENT: Attachment,
}
RESOLVED = {
    commands.USER: "users",
    commands.CHANNEL: "channels",
    commands.ROLE: "roles",
    commands.ATTACHMENT: "attachments",
}


class Interactions:
    """All interactions so far, by id, and the making of new ones."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self._discord = discord
        self.by_id: dict[int, Interaction] = {}
        self.by_token: dict[str, Interaction] = {}

    def slash(self, member: Member, path: str, channel: Channel | None, options: Json) -> Interaction:
        """Run a command."""
        data = self._command_data(member, path, options, channel)
        return self._send(Interaction(COMMAND, member, channel or _first_text(member.guild), data))

    def autocomplete(
        self, member: Member, path: str, channel: Channel | None, options: Json, focused: str
    ) -> Interaction:
        """Type into an option."""
        data = self._command_data(member, path, options, channel, focused=focused)
        data.pop("resolved", None)
        return self._send(Interaction(AUTOCOMPLETE, member, channel or _first_text(member.guild), data))

    def press(
        self,
        member: Member,
        what: "Message | Reply",
        label: str | None,
        custom_id: str | None,
        values: list[str] | None,
    ) -> Interaction:
        """Press a button or choose in a select menu."""
        message = what.message if isinstance(what, Reply) else what
        try:
            component = message.button(label=label, custom_id=custom_id)
        except KeyError as error:
            raise NotPossibleError(str(error)) from None
        _check_usable(message, component, values)
        data: Json = {"custom_id": component["custom_id"], "component_type": component["type"], "id": 1}
        data |= {} if values is None else {"values": values}
        return self._send(Interaction(COMPONENT, member, message.channel, data, message))

    def submit(self, member: Member, reply: "Reply", values: dict[str, str]) -> Interaction:
        """Send a modal."""
        modal = reply.modal
        if modal is None:
            raise NotPossibleError("the bot showed no modal")
        inputs = {c["custom_id"]: c for c in walk(modal["components"]) if c.get("custom_id")}
        if set(values) - set(inputs):
            raise NotPossibleError(f"the modal asks for {sorted(inputs)}")
        rows = [
            {"type": 1, "id": n, "components": [{"type": 4, "id": n, "custom_id": i, "value": values.get(i, "")}]}
            for n, i in enumerate(inputs, 1)
        ]
        data: Json = {"custom_id": modal["custom_id"], "components": rows}
        former = reply.interaction
        return self._send(Interaction(MODAL, member, former.channel, data, former.message))

    def deliver(self, interaction: Interaction) -> None:
        """Send it to the bot (again)."""
        self._discord.gateway.dispatch(interaction.member.guild, "INTERACTION_CREATE", interaction.payload(), 0)

    def _send(self, interaction: Interaction) -> Interaction:
        self.by_id[interaction.id] = self.by_token[interaction.token] = interaction
        faults, loop = self._discord.faults, asyncio.get_running_loop()
        if faults.doubled_interactions:
            faults.doubled_interactions -= 1
            interaction.doubled = True
        for _ in range(1 + interaction.doubled):
            if faults.interaction_delay:
                loop.call_later(faults.interaction_delay, self.deliver, interaction)
            else:
                self.deliver(interaction)
        return interaction

    def _command_data(
        self, member: Member, path: str, given: Json, channel: Channel | None, focused: str | None = None
    ) -> Json:
        guild = member.guild
        command, chain = commands.find([*guild.commands, *self._discord.commands], path)
        _check_allowed(member, command, channel or _first_text(guild))
        data: Json = {"id": command["id"], "name": command["name"], "type": 1, "resolved": {}}
        schema: list[Json] = (chain[-1] if chain else command).get("options") or []
        options = _options(schema, given, data["resolved"], focused)
        for sub in reversed(chain):
            options = [{"name": sub["name"], "type": sub["type"], "options": options}]
        return data | {"options": options} | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _first_text(guild: "Guild") -> Channel:
    for channel in guild.channels.values():
        if isinstance(channel, TextChannel):
            return channel
    return guild.text_channel("general")


def _check_allowed(member: Member, command: Json, channel: Channel) -> None:
    mine = member.permissions(channel)
    needed = command["default_member_permissions"]
    shown = member.can("administrator", channel) or command["name"] in member.guild.revealed
    if not member.can("use_application_commands", channel) or not member.can("view_channel", channel):
        raise NotPossibleError(f"{member.user.username} may not use commands in {channel.name}")
    if needed is not None and not shown and (int(needed) == 0 or mine & int(needed) != int(needed)):
        raise NotPossibleError(f"/{command['name']} is hidden from {member.user.username}")


def _check_usable(message: Message, component: Json, values: list[str] | None) -> None:
    if message.deleted or component.get("disabled"):
        raise NotPossibleError(f"{component.get('label')} cannot be pressed")
    if component.get("style") == LINK:
        raise NotPossibleError("a link opens a page, the bot does not hear of it")
    if component["type"] == STRING_SELECT:
        offered = {option["value"] for option in component["options"]}
        if values is None or not set(values) <= offered:
            raise NotPossibleError(f"choose among {sorted(offered)}")


def _options(schema: list[Json], given: Json, resolved: Json, focused: str | None) -> list[Json]:
    values = {name.rstrip("_"): value for name, value in given.items() if value is not None}
    known = {option["name"] for option in schema}
    missing = {o["name"] for o in schema if o.get("required")} - set(values)
    if set(values) - known or (missing and focused is None):
        raise NotPossibleError(f"options are {sorted(known)}, given {sorted(values)}, missing {sorted(missing)}")
    return [_option(o, values[o["name"]], resolved, focused) for o in schema if o["name"] in values]


def _option(option: Json, value: Any, resolved: Json, focused: str | None) -> Json:
    filled: Json = {"name": option["name"], "type": option["type"]}
    if option["name"] == focused:
        if not option.get("autocomplete"):
            raise NotPossibleError(f"{focused} has no autocomplete")
        return filled | {"value": value, "focused": True}
    kind = KINDS.get(option["type"])
    if (kind and not isinstance(value, kind)) or (option["type"] == commands.INTEGER and isinstance(value, bool)):
        raise NotPossibleError(f"{option['name']}: {value!r} cannot be entered")
    if option["type"] in RESOLVED:
        _resolve(option["type"], value, resolved)
        return filled | {"value": str(value.id)}
    return filled | {"value": _entered(option, value)}


def _entered(option: Json, value: Any) -> Any:
    if choices := option.get("choices"):
        by_name = {choice["name"]: choice["value"] for choice in choices}
        value = by_name.get(value, value)
        if value not in by_name.values():
            raise NotPossibleError(f"{option['name']}: choose among {sorted(by_name)}")
    size = len(value) if isinstance(value, str) else value
    low, high = ("min_length", "max_length") if isinstance(value, str) else ("min_value", "max_value")
    highest = option.get(high, 6000 if isinstance(value, str) else float("inf"))
    if not option.get(low, float("-inf")) <= size <= highest:
        raise NotPossibleError(f"{option['name']}: {value!r} is out of bounds")
    return value


def _resolve(kind: int, value: "Member | Role | Channel | Attachment", resolved: Json) -> None:
    entry = value.payload()
    if isinstance(value, Member):
        member = {k: v for k, v in entry.items() if k not in ("user", "deaf", "mute")}
        resolved.setdefault("members", {})[str(value.id)] = member | {"permissions": str(value.permissions())}
        entry = value.user.payload()
    elif isinstance(value, Channel):
        entry |= {"permissions": "0"}
    resolved.setdefault(RESOLVED[kind], {})[str(value.id)] = entry
