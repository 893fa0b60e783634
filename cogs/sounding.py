"""How a room sounds, in words."""

from gettext import NullTranslations

from cogs.text import plain
from core import filters
from core.acts import ON
from core.records.views import RoomView
from core.types import Filter

Words = NullTranslations
SHOWN = 400
"""Characters of a filter made by hand."""


def named(filter_: Filter, words: Words) -> str:
    """A filter in a word or two."""
    _ = words.gettext
    presets = {
        "bassboost": _("bass boost"),
        "nightcore": _("nightcore"),
        "vaporwave": _("vaporwave"),
        "8d": _("8D"),
        "karaoke": _("karaoke"),
        "soft": _("soft"),
        "treble": _("treble"),
    }
    return presets.get(filter_.name, _("a filter of its own"))


def filtered(filter_: Filter | None, words: Words) -> str:
    """Which filter is on."""
    if filter_ is None:
        return words.gettext("No filter is on.")
    text = words.gettext("The filter is **%(name)s**.") % {"name": named(filter_, words)}
    by_hand = filter_.name not in filters.PRESETS
    return f"{text}\n`{plain(filters.text(filter_), SHOWN)}`" if by_hand else text


def crossfaded(ms: int, words: Words) -> str:
    """How tracks follow each other."""
    if ms == 0:
        return words.gettext("Tracks follow each other without a gap.")
    return words.gettext("Tracks fade into each other for %(seconds)g s.") % {"seconds": ms / 1000}


def levelled(on: bool, words: Words) -> str:  # noqa: FBT001 -- what it is about
    """Whether tracks are made equally loud."""
    _ = words.gettext
    return _("All tracks are made equally loud.") if on else _("Tracks are as loud as they were recorded.")


def question(kind: str, argument: str | None, words: Words) -> str:
    """What a poll about the sound asks."""
    _ = words.gettext
    match kind:
        case "filter":
            filter_ = filters.meant(argument or "")
            return _("filter the sound: %(name)s") % {"name": named(filter_, words)} if filter_ else _("end the filter")
        case "crossfade":
            return _("let tracks fade into each other for %(seconds)g s") % {"seconds": int(argument or 0) / 1000}
        case _:
            return _("make all tracks equally loud") if argument == ON else _("leave tracks as loud as recorded")


def rules(view: RoomView, words: Words) -> list[str]:
    """What is not as usual, in short."""
    _ = words.gettext
    return [
        *([f"🎛️ {named(view.filter, words)}"] if view.filter else []),
        *([_("crossfade %(seconds)g s") % {"seconds": view.crossfade / 1000}] if view.crossfade else []),
        *([] if view.loudness else [_("as recorded")]),
    ]
