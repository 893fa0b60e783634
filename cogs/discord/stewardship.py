"""What admins do besides /settings: /block /policy /audit."""

from typing import Any

import discord
from discord import app_commands

from cogs import blocks, chosen, words
from cogs.discord import choices, pages
from cogs.discord.answers import tell
from cogs.discord.shelf import show
from cogs.discord.surface import Call, Interaction, read
from cogs.text import plain, safe
from core.enums import BlockKind
from core.policy import Action
from core.policy import choices as roles_for
from core.records.rows import Audit
from core.types import EntryId

Choice = app_commands.Choice[str]
block = app_commands.Group(
    name="block",
    description="Tracks, artists, words and websites that nobody may queue here",
    default_permissions=discord.Permissions(manage_guild=True),
)


@block.command(name="add", description="Block a track, an artist, a word or a website")
@app_commands.describe(kind="What it is", value="Its name; for a track, one that plays or waits")
@app_commands.choices(kind=choices.of(BlockKind))
@app_commands.autocomplete(value=choices.blockable)
async def block_add(interaction: Interaction, kind: str, value: str | None = None) -> None:
    """Nobody may queue it any more."""
    call = await read(interaction)
    wanted = BlockKind(kind)
    meant = await _meant(call, wanted, value)
    result = await call.jukebox.block(call.room, call.actor, wanted, meant, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("block", done, texts))


async def _meant(call: Call, kind: BlockKind, value: str | None) -> str | EntryId:
    """A track by what plays or waits (without a value: what plays); everything else by its text."""
    return await choices.meant(call, value) if kind is BlockKind.TRACK else value or ""


@block.command(name="remove", description="Allow something again")
@app_commands.describe(line="A line of the blocklist")
@app_commands.autocomplete(line=choices.blocked)
async def block_remove(interaction: Interaction, line: str) -> None:
    """Everybody may queue it again."""
    call = await read(interaction)
    wanted = blocks.meant(call.view.settings.blocks, line)
    result = await call.jukebox.unblock(call.room, call.actor, wanted.kind, wanted.value, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("unblock", done, texts))


@block.command(name="list", description="What is blocked here")
async def block_list(interaction: Interaction) -> None:
    """The blocklist."""
    call = await read(interaction)
    await call.say(chosen.blocks(call.view.settings.blocks, call.words))


async def _actions(_: Interaction, typed: str) -> list[Choice]:
    found = [action for action in Action if typed.strip().lower() in action.value]
    return [Choice(name=one.value, value=one.value) for one in found[: choices.CHOICES]]


async def _roles(interaction: Interaction, typed: str) -> list[Choice]:
    """Roles to put after those that are typed already; `default` for a whole cell."""
    action = getattr(interaction.namespace, "action", None)
    known = roles_for(Action(action)) if action in list(Action) else ()
    *before, last = [part.strip().lower() for part in typed.split(",")]
    more = [role for role in known if last in role and role not in before]
    lists = [", ".join([*before, role]) for role in more]
    return [Choice(name=one, value=one) for one in ([] if before else ["default"]) + lists][: choices.CHOICES]


@app_commands.command(description="Who may do what: show or change it")
@app_commands.describe(
    action="What people do", roles="Who may, separated by commas; “poll”: the others may ask; “default”: as it was"
)
@app_commands.autocomplete(action=_actions, roles=_roles)
@app_commands.default_permissions(manage_guild=True)
async def policy(interaction: Interaction, action: str | None = None, roles: str | None = None) -> None:
    """Change one cell of the table; show those that are not the default."""
    call = await read(interaction)
    changes = {} if action is None or roles is None else {f"policy.{action.strip().lower()}": roles.lower()}
    result = await call.jukebox.configure(call.room, call.actor, changes, command_id=call.id)
    told = chosen.policy(result, call.words)
    await call.say(plain(told, 1900) if told else call.words.gettext("Everything is as usual: /policy changes it."))


@app_commands.command(description="Who changed which settings, and when")
@app_commands.default_permissions(manage_guild=True)
async def audit(interaction: Interaction) -> None:
    """The latest changes."""
    call = await read(interaction)
    await show(call, await audit_page(call, None))


async def audit_page(call: Call, before: int | None) -> pages.Shelf:
    """Changes before the one with that row id."""
    rows = await call.jukebox.audit(call.room, call.actor, before=before, size=pages.SIZE + 1)

    people = call.surface.people
    names = await people.names({row.audit.actor for row in rows})

    def who(row: Audit) -> str:
        account = people.account(row.actor)
        return f"<@{account}>" if account else safe(names.get(row.actor, ""), 32)

    return pages.audit(rows, before, who, call.words)


def commands() -> list[app_commands.Command[Any, ..., Any] | app_commands.Group]:
    """All of them."""
    return [block, policy, audit]
