"""The one place where what went wrong becomes words."""

from typing import Any

import discord
import structlog
from discord import app_commands

from cogs.discord.skus import upgrade_row
from cogs.discord.surface import Interaction, answer, surface_of, words_of
from cogs.refusals import refusal
from core.errors import ChorusError
from core.types import PlaceId

TOO_LATE = 10062
ANSWERED = 40060
"""Discord's codes for an interaction older than three seconds, and for one that was answered already."""

log = structlog.get_logger()


async def explain(interaction: Interaction, error: BaseException) -> None:
    """Tell the person what went wrong and what to do; what nobody can be told is logged."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if _is_too_late(error):
        log.info("discord.interaction_too_late", interaction=interaction.id)
        return
    if not isinstance(error, ChorusError):
        log.error("discord.command_failed", interaction=interaction.id, exc_info=error)
    try:
        await answer(interaction, _text(interaction, error), **_offer(interaction, error))
    except Exception as fault:  # noqa: BLE001 - there is nobody left to tell
        log.info("discord.refusal_not_delivered", interaction=interaction.id, error=repr(fault))


def _offer(interaction: Interaction, error: BaseException) -> dict[str, Any]:
    """The plans that would not refuse, where Discord sells some."""
    skus, guild = surface_of(interaction).skus, interaction.guild_id
    row = upgrade_row(skus, PlaceId(f"discord:{guild}"), error) if guild is not None else None
    return {"view": row} if row is not None else {}


def _text(interaction: Interaction, error: BaseException) -> str:
    texts = words_of(interaction)
    if isinstance(error, ChorusError):
        return refusal(error, texts)
    if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return texts.gettext("That command has just changed. Reload Discord (Ctrl-R) and try again.")
    return texts.gettext("Something went wrong on my side. Try again in a moment.")


def _is_too_late(error: BaseException) -> bool:
    return isinstance(error, discord.InteractionResponded) or (
        isinstance(error, discord.HTTPException) and error.code in {TOO_LATE, ANSWERED}
    )
