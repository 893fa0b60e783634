"""The lists of commands that Telegram shows, by scope and language."""

import structlog
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import TelegramError

from cogs.languages import translations
from cogs.telegram.commands import Command, listed
from cogs.telegram.guide import LANGUAGES

log = structlog.get_logger()


async def set_menus(bot: Bot, *, sells: bool = False) -> None:
    """Everybody sees what they may use; English is what other languages see. What cannot be set stays as it was."""
    everything = listed(sells=sells)
    people = [command for command in everything if not command.admin]
    menus: tuple[tuple[BotCommandScope, list[Command]], ...] = (
        (BotCommandScopeAllGroupChats(), people),
        (BotCommandScopeAllPrivateChats(), everything),
        (BotCommandScopeAllChatAdministrators(), everything),
    )
    try:
        for language in LANGUAGES:
            for scope, commands in menus:
                shown = [_shown(command, language) for command in commands]
                await bot.set_my_commands(shown, scope=scope, language_code="" if language == "en" else language)
    except TelegramError as error:
        log.warning("telegram.menus_not_set", error=type(error).__name__)


def _shown(command: Command, language: str) -> BotCommand:
    return BotCommand(command.name, translations(language).gettext(command.description))
