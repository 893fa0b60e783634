"""How a room sounds, as the page words it."""

from gettext import NullTranslations

from core import filters
from core.acts import ON
from core.records.views import RoomView
from core.types import Filter


def named(filter_: Filter, words: NullTranslations) -> str:
    """A filter in a word or two."""
    _ = words.gettext
    presets = {
        "bassboost": _("Bass boost"),
        "nightcore": _("Nightcore"),
        "vaporwave": _("Vaporwave"),
        "8d": _("8D"),
        "karaoke": _("Karaoke"),
        "soft": _("Soft"),
        "treble": _("Treble"),
    }
    return presets.get(filter_.name, _("A filter of its own"))


def shown(view: RoomView, words: NullTranslations) -> list[str]:
    """What changes the sound, if anything does."""
    fade = words.gettext("Crossfade %(seconds)g s") % {"seconds": view.crossfade / 1000}
    return [*([named(view.filter, words)] if view.filter else []), *([fade] if view.crossfade else [])]


def question(kind: str, argument: str, words: NullTranslations) -> str:
    """What a poll about the sound asks."""
    _ = words.gettext
    match kind:
        case "filter":
            filter_, text = filters.meant(argument), _("filter the sound: “%(name)s”")
            return text % {"name": named(filter_, words)} if filter_ else _("end the filter")
        case "crossfade":
            return _("let tracks fade into each other for %(seconds)g s") % {"seconds": int(argument or 0) / 1000}
        case _:
            return _("make all tracks equally loud") if argument == ON else _("leave tracks as loud as recorded")
