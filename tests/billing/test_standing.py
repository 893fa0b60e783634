"""The table of statuses, as rules."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from billing.standing import NOT_PAYING, SLACK, Access, access, extra, is_frozen, is_lost, remembered, taken_back
from core.records.grants import Subject
from core.records.payments import Account, Charge, Dispute, Invoice, Paid, Subscription
from core.types import PersonId

NOW, DAY = 1_800_000_000_000, 86_400_000
PLANS = {"price_pro": "pro", "price_elite": "elite"}
PAYER = Account(1, Subject("discord:7"), PersonId("ann"), livemode=False, customer="cus_1")
ACTIVE = Subscription("sub_1", "cus_1", "active", ("price_pro",), NOW - DAY, NOW - DAY, NOW + 29 * DAY)
STATUSES = ("active", "trialing", "past_due", "incomplete", "incomplete_expired", "unpaid", "paused", "canceled")

times = st.integers(NOW - 400 * DAY, NOW + 400 * DAY)
subscriptions = st.builds(
    Subscription,
    id=st.just("sub_1"),
    customer=st.just("cus_1"),
    status=st.sampled_from([*STATUSES, "hibernating"]),
    prices=st.lists(st.sampled_from(["price_pro", "price_elite", "price_strange"]), max_size=3).map(tuple),
    starts_at=times,
    period_start=times,
    period_end=times,
    cancel_at=st.none() | times,
    ended_at=st.none() | times,
    pause_behavior=st.sampled_from([None, "keep_as_draft", "void", "mark_uncollectible"]),
)


def above(plan: str, other: str) -> bool:
    return ["pro", "elite"].index(plan) > ["pro", "elite"].index(other)


def given_to(it: Subscription, back: str | None = None, now: int = NOW) -> Access:
    return access(it, PLANS.get, above, back, now)


@given(subscriptions, times)
def test_every_plan_has_an_end(it: Subscription, now: int) -> None:
    found = given_to(remembered(None, it, now, 7), now=now)
    assert found.plan is None or found.until > 0
    assert not (found.plan and found.kept)
    if it.status == "past_due" and found.plan:
        assert found.until == now + 7 * DAY
    elif found.plan:
        assert found.until <= it.period_end + SLACK


@given(subscriptions, times)
def test_nobody_gets_what_they_do_not_pay_for(it: Subscription, now: int) -> None:
    found = given_to(remembered(None, it, now, 7), now=now)
    if it.status in {*NOT_PAYING, "canceled"}:
        assert found.plan is None
        assert not found.kept
        assert found.until <= now
    if found.plan is not None:
        assert found.plan in {PLANS.get(price) for price in it.prices}
        assert found.plan == "elite" or "price_elite" not in it.prices


@given(subscriptions, times, st.sampled_from(["refund", "dispute"]))
def test_money_that_went_back_buys_nothing(it: Subscription, now: int, back: str) -> None:
    found = given_to(remembered(None, it, now, 7), back, now)
    assert (found.plan, found.kept, found.until) == (None, False, now)


@given(subscriptions)
def test_what_is_not_understood_is_told_and_changes_nothing(it: Subscription) -> None:
    found = given_to(it)
    if it.status == "hibernating":
        assert found == Access(kept=True, alert="status")
    if found.kept:
        assert found.alert
    if it.status in {"active", "trialing"} and "price_strange" in it.prices:
        assert found.alert == "price"


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.integers(0, 20 * DAY)), min_size=1))
def test_grace_is_fixed_by_the_first_failure_until_it_is_paid(looks: list[tuple[str, int]]) -> None:
    known: Subscription | None = None
    now = NOW
    for status, later in looks:
        before, now = known, now + later
        known = remembered(before, replace(ACTIVE, status=status), now, 7)
        if status in {"active", "trialing"}:
            assert known.grace_until is None
        elif before and before.grace_until:
            assert known.grace_until == before.grace_until
        elif status == "past_due":
            assert known.grace_until == now + 7 * DAY


@given(st.lists(st.sampled_from([None, "void", "keep_as_draft"]), min_size=1))
def test_a_pause_that_pays_nothing_ends_with_what_is_paid(pauses: list[str | None]) -> None:
    known, end = None, ACTIVE.period_end
    began: int | None = None
    for number, pause in enumerate(pauses):  # periods go on while it rests
        it = replace(ACTIVE, pause_behavior=pause, period_end=end + number * 30 * DAY)
        known = remembered(known, it, NOW, 7)
        began = (it.period_end if began is None else began) if pause == "void" else None
        assert given_to(known).until == (began if began is not None else it.period_end + SLACK)


@given(st.permutations([0, 1, 2]), st.sampled_from([None, NOW + DAY]))
def test_of_several_the_highest_and_oldest_is_kept(order: list[int], ends: int | None) -> None:
    three = [
        replace(ACTIVE, id="old", cancel_at=None),
        replace(ACTIVE, id="new", starts_at=NOW),
        replace(ACTIVE, id="high", prices=("price_elite",), starts_at=NOW, cancel_at=ends),
    ]
    paid = Paid(PAYER, [three[number] for number in order])
    kept, surplus = extra(paid, PLANS.get, above)
    assert kept
    assert kept.id == ("old" if ends else "high"), "what ends may be followed by another one"
    assert {it.id for it in surplus} == ({"new"} if ends else {"old", "new"})
    kept, surplus = extra(replace(paid, subscriptions=three[:2]), PLANS.get, above)
    assert kept
    assert (kept.id, [it.id for it in surplus]) == ("old", ["new"])


def test_what_is_no_plan_or_not_paid_is_no_second_subscription() -> None:
    others = [
        replace(ACTIVE, id="overdue", status="past_due", prices=("price_elite",)),
        replace(ACTIVE, id="strange", prices=("price_strange",)),
        *(replace(ACTIVE, id=status, status=status) for status in ("canceled", "incomplete", "unpaid", "paused")),
        replace(ACTIVE, id="ended by us", revoked_for="double"),
    ]
    kept, surplus = extra(Paid(PAYER, [ACTIVE], others=others), PLANS.get, above)
    assert kept == ACTIVE
    assert not surplus


amounts = st.integers(0, 1000)


@given(st.lists(amounts, max_size=4), st.lists(amounts, max_size=4))
def test_only_all_of_the_current_period_takes_a_plan(back: list[int], kept: list[int]) -> None:
    """Charges of which all went back, beside invoices of which nothing did."""
    charges = [
        Charge(f"ch_{n}", "cus_1", None, f"in_{n}", "sub_1", amount, amount, "eur", ACTIVE.period_end)
        for n, amount in enumerate(back)
    ]
    bills = [invoice(f"in_{n}", amount) for n, amount in enumerate(back)]
    bills += [invoice(f"in_kept_{n}", amount) for n, amount in enumerate(kept)]
    paid = Paid(PAYER, [ACTIVE], bills, charges)
    assert taken_back(ACTIVE, paid) == ("refund" if sum(back) and not sum(kept) else None)
    renewed = replace(ACTIVE, period_end=ACTIVE.period_end + 30 * DAY)
    assert taken_back(renewed, paid) is None, "that was another period"


def invoice(key: str, amount: int) -> Invoice:
    return Invoice(key, "cus_1", "sub_1", "paid", amount, amount, "eur", 1, ACTIVE.period_end, NOW)


@given(
    st.sampled_from(["won", "lost", "needs_response", "warning_closed", "prevented", "appeal_under_review"]),
    st.booleans(),
)
def test_a_dispute_counts_by_where_the_money_is(status: str, withdrawn: bool) -> None:
    dispute = Dispute("du_1", "ch_1", 500, "eur", status, "fraudulent", withdrawn, NOW)
    ours = status in {"won", "warning_closed", "prevented"}
    assert is_lost(dispute) == (status == "lost" or (withdrawn and not ours))
    assert is_frozen([dispute]) is not ours
    charge = Charge("ch_1", "cus_1", None, "in_1", "sub_1", 500, 0, "eur", ACTIVE.period_end)
    found = taken_back(ACTIVE, Paid(PAYER, [ACTIVE], charges=[charge], disputes=[dispute]))
    assert found == ("dispute" if is_lost(dispute) else None)


def test_a_refund_that_failed_gives_the_plan_back_for_what_is_paid() -> None:
    ended = replace(ACTIVE, status="canceled", ended_at=NOW, revoked_for="refund")
    assert given_to(ended) == Access("pro", ACTIVE.period_end)
    assert given_to(replace(ended, revoked_for="double")).plan is None
