"""What administrators do: /settings /policy /block /unblock /audit."""

from typing import Any

from cogs import blocks, chosen, words
from cogs.moments import zones
from cogs.telegram import entries
from cogs.telegram.answers import tell
from cogs.telegram.drawing import Drawing
from cogs.telegram.keyboards import Button
from cogs.telegram.surface import Call
from cogs.text import plain, safe
from core.enums import BlockKind
from core.errors import NoSuchChoiceError, NoSuchSettingError

MINUTE = 60_000
SIZE = 10
_CAPS = {"max_entries_per_person": 1, "max_length": MINUTE, "max_queue": 1}
"""Settings that 0 gives back to the plan, and in which unit people write them."""
_NUMBERS = {"default_volume": 1, "idle": MINUTE, "skip_threshold": 1}
_CHOICES = ("guests", "turns", "duplicates", "leavers", "timezone")
NAMES = (*_CAPS, *_NUMBERS, *_CHOICES)


async def settings(call: Call) -> None:
    """Show the settings, or change one: /settings skip_threshold 60."""
    name, _, value = call.arguments.partition(" ")
    changes = {} if not name else {name.lower(): _value(name.lower(), value.strip())}
    result = await call.jukebox.configure(call.room, call.actor, changes, command_id=call.id)
    shown = chosen.settings(result, call.words)
    hint = call.words.gettext("Change one by its name: %(names)s.") % {"names": ", ".join(NAMES)}
    await call.say(shown if changes else f"{shown}\n\n{hint}")


def _value(name: str, text: str) -> Any:
    """What people wrote, as the rules want it. Raises NoSuchSettingError."""
    if name == "timezone":
        return next((zone for zone in zones() if zone.casefold() == text.casefold()), text)
    if name in _CHOICES:
        return text.lower()
    number = text.removesuffix("%").strip()
    if not (number.isascii() and number.isdecimal()) or len(number) > 9:  # noqa: PLR2004 - far beyond every cap
        raise NoSuchSettingError(name)
    if name in _CAPS:
        return int(number) * _CAPS[name] or None
    if name in _NUMBERS:
        return int(number) / 100 if name == "skip_threshold" else int(number) * _NUMBERS[name]
    raise NoSuchSettingError(name)


async def policy(call: Call) -> None:
    """Who may do what: show it, or change one cell: /policy skip dj, poll."""
    action, _, roles = call.arguments.partition(" ")
    changes = {f"policy.{action.lower()}": roles.lower()} if roles.strip() else {}
    result = await call.jukebox.configure(call.room, call.actor, changes, command_id=call.id)
    told = chosen.policy(result, call.words)
    await call.say(plain(told, 1900) if told else call.words.gettext("Everything is as usual: /policy changes it."))


async def block(call: Call) -> None:
    """What is blocked here, or one more: /block artist Name; /block track for what plays."""
    if not call.arguments:
        await call.say(chosen.blocks(call.view.settings.blocks, call.words))
        return
    kind, _, value = call.arguments.partition(" ")
    if kind.lower() not in list(BlockKind):
        raise NoSuchChoiceError("block", kind, (*BlockKind,))
    wanted = BlockKind(kind.lower())
    meant = await entries.meant(call, value) if wanted is BlockKind.TRACK else value.strip()
    result = await call.jukebox.block(call.room, call.actor, wanted, meant, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("block", done, texts))


async def unblock(call: Call) -> None:
    """Allow something again: a line of the blocklist as it is shown."""
    wanted = blocks.meant(call.view.settings.blocks, call.arguments)
    result = await call.jukebox.unblock(call.room, call.actor, wanted.kind, wanted.value, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("unblock", done, texts))


async def audit(call: Call) -> None:
    """Who changed which settings, and when."""
    drawn = await audit_page(call, 0)
    await call.say(drawn.text, drawn.rows)


async def audit_page(call: Call, before: int) -> Drawing:
    """Changes before the one with that row id, latest first; 0: all."""
    rows = await call.jukebox.audit(call.room, call.actor, before=before or None, size=SIZE + 1)
    shown = rows[:SIZE]
    names = await call.surface.people.names({row.audit.actor for row in shown})
    lines = [chosen.audit(row.audit, safe(names.get(row.audit.actor, ""), 32), call.words) for row in shown]
    text = "\n".join(lines) or call.words.gettext("Nothing has been changed yet.")
    first = [Button("◀️", "audit", 0)] if before else []
    on = [Button("▶️", "audit", shown[-1].id)] if len(rows) > SIZE else []
    return Drawing(text, ((*first, *on),) if first or on else ())
