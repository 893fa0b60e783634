"""Spoken word goes on where it was left."""

from core.enums import EndReason
from core.records.rows import Play

LEAST = 30_000
"""ms: what was left earlier begins anew, and what was left later was heard to its end."""


def place(play: Play) -> int | None:
    """Where in its track a play stopped, in ms; None when the track begins anew."""
    if play.reason in {EndReason.FINISHED, EndReason.FAILED} or play.length is None:
        return None
    return play.position if LEAST <= play.position <= play.length - LEAST else None
