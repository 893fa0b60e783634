"""Application commands: checked as Discord checks them, and found as a person types them."""

import re
from typing import Any

from tests.simulators.discord.bodies import Json
from tests.simulators.discord.errors import NotPossibleError, bad_body
from tests.simulators.discord.ids import snowflake

COMMAND_KEYS = {
    "id", "name", "name_localizations", "description", "description_localizations", "options", "type", "nsfw",
    "default_member_permissions", "dm_permission", "contexts", "integration_types", "default_permission",
}  # fmt: skip
OPTION_KEYS = {
    "type", "name", "name_localizations", "description", "description_localizations", "required", "choices",
    "options", "channel_types", "min_value", "max_value", "min_length", "max_length", "autocomplete",
}  # fmt: skip
SUB_COMMAND, SUB_GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(1, 12)
NAME = re.compile(r"[-_'\w]{1,32}")


def register(bodies: Any, application_id: int, guild_id: int | None, before: list[Json]) -> list[Json]:
    """The commands of a bulk overwrite, as Discord answers it. Raises ApiError for a bad one."""
    if not isinstance(bodies, list) or len(bodies) > 100:
        raise bad_body("", "a list of at most 100 commands")
    ids = {command["name"]: command["id"] for command in before}
    commands = [_command(body, application_id, guild_id, ids) for body in bodies]
    names = [(command["type"], command["name"]) for command in commands]
    if len(set(names)) != len(names):
        raise bad_body("name", "Application command names must be unique")
    return commands


def _command(body: Json, application_id: int, guild_id: int | None, ids: dict[str, str]) -> Json:
    check_command(body)
    command: Json = {
        "id": ids.get(body["name"]) or str(snowflake()),
        "application_id": str(application_id),
        "version": str(snowflake()),
        "default_member_permissions": None,
        "type": 1,
        "name_localizations": None,
        "description": "",
        "description_localizations": None,
        "nsfw": False,
        "contexts": None,
        "integration_types": [0],
    }
    command |= {key: value for key, value in body.items() if key != "id" and value is not None}
    if command["default_member_permissions"] is not None:
        command["default_member_permissions"] = str(command["default_member_permissions"])
    return command | ({"guild_id": str(guild_id)} if guild_id else {})


def check_command(body: Json) -> None:
    """Raise ApiError unless this is a command that Discord registers."""
    if unknown := set(body) - COMMAND_KEYS:
        raise bad_body(min(unknown), "unknown key")
    if body.get("type", 1) == 1:
        _check_name(body["name"])
        if not 1 <= len(body.get("description") or "") <= 100:
            raise bad_body("description", "Must be between 1 and 100 in length.")
    permissions = body.get("default_member_permissions")
    if permissions is not None and not str(permissions).isdigit():
        raise bad_body("default_member_permissions", "a bit set as a string")
    if _characters(body) > 8000:
        raise bad_body("", "Application command exceeds the maximum size of 8000")
    _check_options(body.get("options") or [], depth=0)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or name != name.lower():
        raise bad_body("name", f"{name!r} is no command or option name")


def _characters(item: Json) -> int:
    choices = sum(len(c["name"]) + len(str(c["value"])) for c in item.get("choices") or [])
    inner = sum(_characters(option) for option in item.get("options") or [])
    return len(item["name"]) + len(item.get("description") or "") + choices + inner


def _check_options(options: list[Json], depth: int) -> None:
    if len(options) > 25:
        raise bad_body("options", "Must be 25 or fewer in length.")
    names = [option["name"] for option in options]
    if len(set(names)) != len(names):
        raise bad_body("options", "Option names must be unique")
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        raise bad_body("options", "Required options must be placed before non-required options")
    for option in options:
        _check_option(option, depth)


def _check_option(option: Json, depth: int) -> None:
    if unknown := set(option) - OPTION_KEYS:
        raise bad_body(f"options.{min(unknown)}", "unknown key")
    _check_name(option["name"])
    if not 1 <= len(option.get("description") or "") <= 100:
        raise bad_body("options.description", "Must be between 1 and 100 in length.")
    if option["type"] not in range(1, 12) or (option["type"] in (SUB_COMMAND, SUB_GROUP) and depth > 1):
        raise bad_body("options.type", f"{option['type']} cannot stand here")
    choices = option.get("choices") or []
    if len(choices) > 25 or (choices and option.get("autocomplete")):
        raise bad_body("options.choices", "at most 25, and none with autocomplete")
    if option.get("options") and option["type"] not in (SUB_COMMAND, SUB_GROUP):
        raise bad_body("options.options", "only a subcommand or group has options")
    _check_options(option.get("options") or [], depth + 1)


def find(commands: list[Json], path: str) -> tuple[Json, list[Json]]:
    """The command of a typed path such as "settings dj", and the chain of its subcommands."""
    name, *rest = path.split()
    command = next((c for c in commands if c["name"] == name and c["type"] == 1), None)
    if command is None:
        raise NotPossibleError(f"there is no /{name} among {sorted(c['name'] for c in commands)}")
    chain: list[Json] = []
    for part in rest:
        options: list[Json] = (chain[-1] if chain else command).get("options") or []
        found = next((o for o in options if o["name"] == part and o["type"] in (SUB_COMMAND, SUB_GROUP)), None)
        if found is None:
            raise NotPossibleError(f"/{name} has no subcommand {part}")
        chain.append(found)
    return command, chain
