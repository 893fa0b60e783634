"""All slash commands; Discord takes a hundred."""

from typing import Any

from discord import app_commands

from cogs.discord import controls, editing, joining, live, queue, settings, shelf, sound, stewardship


def commands() -> list[app_commands.Command[Any, ..., Any] | app_commands.Group]:
    """Those of every noun."""
    nouns = (queue, editing, controls, sound, shelf, settings, stewardship, live, joining)
    return [command for noun in nouns for command in noun.commands()]
