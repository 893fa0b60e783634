"""Which plans follow from grants: pure, against a model that asks each grant each time."""

from hypothesis import given
from hypothesis import strategies as st

from core.entitlements import entitlement, next_change, plans_at, remembering
from core.enums import GrantSource
from core.records.grants import Grant, Span, Subject

TIMES = st.integers(0, 20)


@st.composite
def given_grants(draw: st.DrawFn) -> Grant:
    start = draw(TIMES)
    plan, until, revoked = draw(st.sampled_from("ab")), draw(st.none() | TIMES), draw(st.none() | TIMES)
    return Grant(1, GrantSource.OPERATOR, None, Subject("web:x"), plan, 0, start, until, revoked)


def counts(grant: Grant, now: int) -> bool:
    ends = (grant.valid_until, grant.revoked_at)
    return grant.starts_at <= now and all(end is None or now < end for end in ends)


@given(st.lists(given_grants(), max_size=6))
def test_somebody_has_exactly_the_plans_of_the_grants_that_count(grants: list[Grant]) -> None:
    spans = entitlement(grants)
    for now in range(-1, 23):
        assert plans_at(spans, now) == {grant.plan for grant in grants if counts(grant, now)}
    assert spans == entitlement(reversed(grants)), "their order does not matter"


@given(st.lists(given_grants(), max_size=6))
def test_plans_change_when_it_was_foretold_and_at_no_other_time(grants: list[Grant]) -> None:
    spans = entitlement(grants)
    changes = [now for now in range(25) if plans_at(spans, now) != plans_at(spans, now - 1)]
    for now in range(-1, 24):
        assert next_change(spans, now) == min((it for it in changes if it > now), default=None)


@given(st.lists(given_grants(), max_size=4), st.lists(given_grants(), max_size=4))
def test_what_was_had_before_is_remembered_and_gives_nothing(grants: list[Grant], gone: list[Grant]) -> None:
    spans, before = entitlement(grants), entitlement(gone)
    kept = remembering(spans, before)
    assert {span.plan for span in kept} == {span.plan for span in (*spans, *before)}
    assert all(plans_at(kept, now) == plans_at(spans, now) for now in range(23))
    assert remembering(spans, kept) == kept, "once is enough"


def test_grants_that_follow_each_other_leave_no_gap() -> None:
    def one(start: int, until: int | None) -> Grant:
        return Grant(1, GrantSource.OPERATOR, None, Subject("web:x"), "pro", 0, start, until)

    assert entitlement([one(0, 10), one(10, 20), one(15, 18)]) == (Span("pro", 0, 20),)
    assert entitlement([one(5, None), one(0, 10)]) == (Span("pro", 0),)
    assert entitlement([one(9, 9)]) == ()
