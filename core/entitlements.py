"""Which plans follow from grants, and when: pure functions of grants and the clock."""

from collections.abc import Collection, Iterable, Sequence

from core.records.grants import Grant, Span
from core.types import PlaceId

EVERYBODY = PlaceId("*")
"""In place of a place: the plans that everybody had, one after the other."""


def entitlement(grants: Iterable[Grant]) -> tuple[Span, ...]:
    """The plans that grants give, each with its times, past ones included; it needs no clock and never runs out.

    Spans of one plan that touch are one, so grants that follow each other leave no gap.
    """
    merged: list[Span] = []
    for span in sorted((it for grant in grants if (it := _span(grant))), key=lambda it: (it.plan, it.since)):
        last = merged[-1] if merged else None
        if last and last.plan == span.plan and (last.until is None or span.since <= last.until):
            merged[-1] = Span(last.plan, last.since, _later(last.until, span.until))
        else:
            merged.append(span)
    return tuple(merged)


def remembering(spans: Sequence[Span], before: Iterable[Span]) -> tuple[Span, ...]:
    """The spans, and the plans that were had before and of which no grant speaks any more.

    A grant may go to another place, and a person's or an organisation's need not count for it for ever. Those plans
    are nobody's at any time, but what was gathered under them is kept.
    """
    lost = {span.plan for span in before} - {span.plan for span in spans}
    return (*spans, *(Span(plan, 0, 0) for plan in sorted(lost)))


def succeeding(spans: Iterable[Span], plan: str, now: int) -> tuple[Span, ...]:
    """Everybody has another plan from now on; of one that they had repeatedly the last time is kept."""
    before = [Span(it.plan, it.since, now if it.until is None else it.until) for it in spans if it.plan != plan]
    return (*before, Span(plan, now if before else 0))


def plans_at(spans: Iterable[Span], now: int) -> Collection[str]:
    """The plans that somebody has at a time."""
    return {span.plan for span in spans if span.since <= now and (span.until is None or now < span.until)}


def began(spans: Iterable[Span], plan: str, now: int) -> int | None:
    """Since when somebody has this plan by a grant; None: they have not."""
    return next((span.since for span in spans if span.plan == plan and plans_at([span], now)), None)


def next_change(spans: Sequence[Span], now: int) -> int | None:
    """When (UTC ms) a plan begins or ends next; None: never."""
    times = [time for span in spans for time in (span.since, span.until) if time is not None and time > now]
    return min(times, default=None)


def _span(grant: Grant) -> Span | None:
    """When a grant counts; None: never."""
    ends = [end for end in (grant.valid_until, grant.revoked_at) if end is not None]
    until = min(ends, default=None)
    return None if until is not None and until <= grant.starts_at else Span(grant.plan, grant.starts_at, until)


def _later(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)
