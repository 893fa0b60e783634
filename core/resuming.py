"""Spoken word goes on where it was left."""

from core.enums import EndReason
from core.records.rows import Play

LEAST = 30_000
"""ms: what was left earlier begins anew, and what was left later was heard to its end."""


def place(play: Play) -> int | None:
    """Where in its track a play stopped, in ms; None when the track begins anew.

    So it does when it broke where it had gone on: perhaps it is the place that is broken.
    """
    broken = play.reason is EndReason.FAILED and play.heard < LEAST
    if play.reason is EndReason.FINISHED or broken or play.length is None:
        return None
    return play.position if LEAST <= play.position <= play.length - LEAST else None
