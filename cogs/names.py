"""Modes, loops, actions and roles by the names that people read."""

from gettext import NullTranslations

from cogs import sounding
from core.enums import BlockKind, Loop, Mode

Words = NullTranslations


def mode(mode: Mode, words: Words) -> str:
    """A mode in two words."""
    _ = words.gettext
    return {
        Mode.FAIR: _("fair turns"),
        Mode.FIFO: _("first come, first served"),
        Mode.VOTES: _("votes alone"),
        Mode.PROPORTIONAL: _("shares by votes"),
        Mode.DJ: _("a DJ’s order"),
    }[mode]


def explained(mode: Mode, words: Words) -> str:
    """What a mode means."""
    _ = words.gettext
    return {
        Mode.FAIR: _("Everybody takes turns; votes decide inside a turn."),
        Mode.FIFO: _("Tracks play in the order in which they were asked for."),
        Mode.VOTES: _("The track with the best score plays next."),
        Mode.PROPORTIONAL: _("Everybody has the same weight: those who agree share the plays by how many they are."),
        Mode.DJ: _("Only DJs add tracks, and they put them in order."),
    }[mode]


def loop(loop: Loop, words: Words) -> str:
    """What is repeated."""
    _ = words.gettext
    return {Loop.OFF: _("nothing"), Loop.TRACK: _("this track"), Loop.QUEUE: _("the queue")}[loop]


def question(kind: str, argument: str | None, words: Words) -> str:
    """What a poll is about: "shuffle the queue"."""
    _ = words.gettext
    asked = {
        "skip": _("skip this track"),
        "previous": _("go back to the track before"),
        "stop": _("stop and empty the queue"),
        "shuffle": _("shuffle the queue"),
        "clear": _("empty the queue"),
    }
    if kind == "volume":
        return _("set the volume to %(volume)s %%") % {"volume": argument or "?"}
    if kind in {"filter", "crossfade", "loudness"}:
        return sounding.question(kind, argument, words)
    if kind == "mode":
        known = argument in list(Mode)
        return _("let %(mode)s decide the order") % {"mode": mode(Mode(argument), words) if known else argument}
    return asked.get(kind, kind)


def block(kind: BlockKind, words: Words) -> str:
    """What a line of the blocklist speaks of."""
    _ = words.gettext
    return {
        BlockKind.TRACK: _("track"),
        BlockKind.ARTIST: _("artist"),
        BlockKind.WORD: _("word"),
        BlockKind.DOMAIN: _("website"),
    }[kind]
