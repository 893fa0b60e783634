"""The commands that join: /link for the guild's room, /me for one's own accounts. Codes are shown to one person."""

from typing import Any

from discord import app_commands

from cogs.discord.surface import Interaction, read
from cogs.text import safe
from core.enums import Surface
from core.types import Identity


@app_commands.command(description="A code by which a Telegram chat shares this server’s room; for admins")
@app_commands.default_permissions(manage_guild=True)
async def link(interaction: Interaction) -> None:
    """One code, for one chat."""
    call = await read(interaction)
    code = await call.surface.ports.joining.invite(call.room, call.actor)
    text = call.words.gettext(
        "In the Telegram chat, one of its administrators sends `/link %(code)s` within ten minutes."
    )
    await call.say(text % {"code": code})


@app_commands.command(description="Your other accounts: one person, one vote")
@app_commands.describe(code="The code that your other account got", unlink="This account is somebody of its own again")
async def me(interaction: Interaction, code: str | None = None, *, unlink: bool = False) -> None:
    """A code for the other account, or one from there."""
    call = await read(interaction)
    user, _ = interaction.user, call.words.gettext
    identity = Identity(Surface.DISCORD, str(user.id), user.display_name)
    if unlink:
        await call.surface.ports.joining.forget(identity)
        await call.say(_("This account is somebody of its own again."))
    elif code is None:
        made = await call.surface.ports.joining.introduce(identity)
        text = _("Your code is `%(code)s`: on Telegram, send me `/me %(code)s` within ten minutes.")
        await call.say(text % {"code": made})
    else:
        other = await call.surface.ports.joining.recognise(call.actor.person, identity, code)
        text = _("You and **%(name)s** are one person now: one vote, one turn.")
        await call.say(text % {"name": safe(other.name, 32)})


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [link, me]
