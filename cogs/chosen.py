"""What admins chose, in words: settings, policy, blocklist, audit."""

from collections.abc import Sequence
from gettext import NullTranslations
from typing import Any

from cogs import names, sounding
from cogs.text import length, plain, safe
from core.enums import Duplicates, Guests, Leavers, TurnMeasure
from core.records.rows import Audit
from core.records.views import RoomView
from core.types import Block, Settings

Words = NullTranslations
NAMED = 12
"""Lines of a blocklist that are shown."""
CELLS = 800
"""Characters of the policy that /settings shows; /policy shows more."""


def settings(chosen: Settings, words: Words) -> str:
    """A place's settings, one a line."""
    return "\n".join(f"**{name}**: {value}" for name, value in _limits(chosen, words) + _rules(chosen, words))


def sound(view: RoomView, bitrate: int | None, words: Words) -> str:
    """How a room sounds, one fact a line; `bitrate` as it is at the moment, in bit/s."""
    _ = words.gettext
    on, off = _("on"), _("off")
    rows = [
        (_("Filter"), sounding.named(view.filter, words) if view.filter else off),
        (_("Crossfade"), f"{view.crossfade / 1000:g} s"),
        (_("Equal loudness"), on if view.loudness else off),
        *([(_("Bitrate now"), f"{bitrate / 1000:g} kbit/s")] if bitrate else []),
    ]
    return "\n".join(f"**{name}**: {value}" for name, value in rows)


def _limits(chosen: Settings, words: Words) -> list[tuple[str, str]]:
    _, none = words.gettext, words.gettext("the plan's")
    longest = none if chosen.max_length is None else length(chosen.max_length)
    return [
        (_("DJ role"), f"<@&{chosen.dj_role}>" if chosen.dj_role else _("none")),
        (_("Skip threshold"), f"{chosen.skip_threshold:.0%}"),
        (_("Tracks per person"), str(chosen.max_entries_per_person or none)),
        (_("Longest track"), longest),
        (_("Longest queue"), str(chosen.max_queue or none)),
        (_("Default volume"), f"{chosen.default_volume} %"),
        (_("Leaves an empty channel after"), length(chosen.idle)),
    ]


def _rules(chosen: Settings, words: Words) -> list[tuple[str, str]]:
    _ = words.gettext
    guests = {
        Guests.OFF: _("nothing"),
        Guests.LISTEN: _("listen"),
        Guests.VOTE: _("listen and vote"),
        Guests.ADD: _("listen, vote and add"),
    }
    turns = {TurnMeasure.COUNT: _("tracks"), TurnMeasure.AIRTIME: _("minutes played")}
    twice = {Duplicates.OFF: _("allowed"), Duplicates.WARN: _("allowed, with a word"), Duplicates.BLOCK: _("refused")}
    leavers = {Leavers.KEEP: _("stay"), Leavers.PARK: _("wait for them"), Leavers.REMOVE: _("go after 10 minutes")}
    rows = [
        (_("Guests of the page may"), guests[chosen.guests]),
        (_("Turns are counted in"), turns[chosen.turns]),
        (_("Tracks that are here already"), twice[chosen.duplicates]),
        (_("Tracks of people who left"), leavers[chosen.leavers]),
        (_("Time zone"), chosen.timezone),
    ]
    blocked = words.ngettext("%(count)d line", "%(count)d lines", len(chosen.blocks)) % {"count": len(chosen.blocks)}
    return [*rows, *([(_("Blocklist"), blocked)] if chosen.blocks else []), *_cells(chosen, words)]


def _cells(chosen: Settings, words: Words) -> list[tuple[str, str]]:
    cells = plain(policy(chosen, words), CELLS) if chosen.policy else ""
    return [(words.gettext("Policy"), cells)] if cells else []


def policy(chosen: Settings, words: Words) -> str:
    """The cells of the policy's table that are not the default; empty when all are."""
    nobody = words.gettext("admins alone")
    return "; ".join(f"{action}: {', '.join(roles) or nobody}" for action, roles in sorted(chosen.policy.items()))


def blocks(lines: Sequence[Block], words: Words) -> str:
    """A place's blocklist."""
    if not lines:
        return words.gettext("Nothing is blocked here. /block add blocks something.")
    shown = [f"{names.block(one.kind, words)}: **{safe(one.value, 60)}**" for one in lines[:NAMED]]
    rest = len(lines) - len(shown)
    more = [words.ngettext("… and %(count)d more", "… and %(count)d more", rest) % {"count": rest}] if rest else []
    return "\n".join(shown + more)


def audit(row: Audit, who: str, words: Words) -> str:
    """One line of the audit: when, who, what, from what to what."""
    changes = [f"{name}: {_value(row.before.get(name))} → {_value(new)}" for name, new in row.after.items()]
    told = safe("; ".join(changes), 120)
    named = who or words.gettext("somebody")
    return f"<t:{row.at // 1000}:f> · {named} · {safe(row.action, 40)}{f' · {told}' if told else ''}"


def _value(value: Any) -> str:
    return "–" if value in (None, "", (), [], {}) else plain(str(value), 60)
