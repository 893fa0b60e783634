"""Modes, loops and questions by the names that people of the page read."""

from gettext import NullTranslations

from core.enums import Loop, Mode
from web import sounding


def mode(mode: Mode, words: NullTranslations) -> str:
    """A mode in two words."""
    _ = words.gettext
    return {
        Mode.FAIR: _("Fair turns"),
        Mode.FIFO: _("First come, first served"),
        Mode.VOTES: _("Votes alone"),
        Mode.PROPORTIONAL: _("Shares by votes"),
        Mode.DJ: _("A DJ’s order"),
    }[mode]


def explained(mode: Mode, words: NullTranslations) -> str:
    """What a mode means."""
    _ = words.gettext
    return {
        Mode.FAIR: _("Everybody takes turns; votes decide inside a turn. Money never moves a track."),
        Mode.FIFO: _("Tracks play in the order in which they were asked for."),
        Mode.VOTES: _("The track with the best score plays next."),
        Mode.PROPORTIONAL: _("Everybody has the same weight: those who agree share the plays by how many they are."),
        Mode.DJ: _("Only DJs add tracks, and they put them in order."),
    }[mode]


def loop(loop: Loop, words: NullTranslations) -> str:
    """What is repeated."""
    _ = words.gettext
    return {
        Loop.OFF: _("Repeat nothing"),
        Loop.TRACK: _("Repeat this track"),
        Loop.QUEUE: _("Repeat the queue"),
    }[loop]


def question(kind: str, argument: str | None, words: NullTranslations) -> str:
    """What a poll is about: "shuffle the queue"."""
    _ = words.gettext
    if kind == "volume":
        return _("set the volume to %(volume)s %%") % {"volume": argument or "?"}
    if kind in {"filter", "crossfade", "loudness"}:
        return sounding.question(kind, argument or "", words)
    if kind == "mode" and argument in list(Mode):
        return _("change the order to “%(mode)s”") % {"mode": mode(Mode(argument), words)}
    asked = {
        "skip": _("skip this track"),
        "previous": _("go back to the track before"),
        "stop": _("stop and empty the queue"),
        "shuffle": _("shuffle the queue"),
        "clear": _("empty the queue"),
    }
    return asked.get(kind, kind)
