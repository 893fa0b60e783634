"""What payers are told, from the states of their subscriptions alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dunning import DAY, REMINDERS, disputed, effects, grace_end, paid, refunded
from core.records.grants import Subject
from core.records.notices import Effect, Notice, NoticeKind, Withdrawal
from core.records.payments import Account, Dispute, Invoice, Refund, Subscription
from core.types import PersonId, PlaceId

NOW = 1_800_000_000_000
PAYER = Account(1, Subject("discord:7"), PersonId("ann"), livemode=False, customer="cus_1")
ACTIVE = Subscription(
    "sub_1", "cus_1", "active", ("price_pro",), NOW - 30 * DAY, NOW - DAY, NOW + 29 * DAY, latest_invoice="in_1"
)
OWED = replace(ACTIVE, status="past_due", failed_at=NOW, grace_until=grace_end(NOW, 7))


def told(after: Subscription, *, before: Subscription | None = ACTIVE, now: int = NOW) -> list[Notice]:
    return [it for it in every(after, before=before, now=now) if isinstance(it, Notice)]


def every(after: Subscription, *, before: Subscription | None = ACTIVE, now: int = NOW) -> list[Effect]:
    return [*effects(PAYER, before, after, "pro", now, url="https://pay.example/1")]


def test_a_failed_payment_is_told_on_days_0_3_and_6_and_the_end_after_the_grace() -> None:
    notices = told(OWED)
    assert [(it.kind, it.due) for it in notices] == [
        *((NoticeKind.PAYMENT_FAILED, NOW + day * DAY) for day in REMINDERS),
        (NoticeKind.ENDED, NOW + 7 * DAY),
    ]
    assert [it.data.get("day") for it in notices] == [0, 3, 6, None]
    assert all(it.data["until"] == NOW + 7 * DAY and it.data["url"] for it in notices[:3])
    assert all((it.person, it.place, it.admins) == (PersonId("ann"), PlaceId("discord:7"), True) for it in notices)


@pytest.mark.parametrize(("grace", "days"), [(0, [0]), (2, [0]), (3, [0]), (4, [0, 3]), (30, [0, 3, 6])])
def test_no_reminder_comes_after_the_grace(grace: int, days: list[int]) -> None:
    notices = told(replace(OWED, grace_until=grace_end(NOW, grace)))
    assert [it.data["day"] for it in notices[:-1]] == days


def test_who_hears_of_it_late_is_told_once() -> None:
    late = told(OWED, now=NOW + 4 * DAY)
    assert [it.data.get("day") for it in late] == [3, 6, None]


@given(st.lists(st.integers(0, 10 * DAY), min_size=1), st.sampled_from(["in_1", "in_2"]))
def test_further_failures_tell_nothing_new(looks: list[int], invoice: str) -> None:
    keys = {it.key: it.due for it in told(OWED)}
    for look in looks:
        again = told(replace(OWED, latest_invoice=invoice), before=OWED, now=NOW + look)
        assert {it.key: it.due for it in again}.items() <= keys.items()


def test_reminders_end_when_it_is_paid() -> None:
    assert Withdrawal("dunning:sub_1") in every(ACTIVE, before=OWED)
    assert told(ACTIVE, before=OWED) == []


def test_the_end_is_told_once_whoever_ends_it_first() -> None:
    after_grace = told(OWED)[-1]
    cancelled = replace(OWED, status="canceled", ended_at=NOW + 8 * DAY)
    (ended,) = told(cancelled, before=OWED, now=NOW + 8 * DAY)
    assert (ended.key, ended.kind, ended.data["reason"]) == (after_grace.key, NoticeKind.ENDED, "unpaid")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"status": "canceled", "ended_at": NOW}, "cancelled"),
        ({"status": "canceled", "ended_at": NOW, "revoked_for": "refund"}, "refunded"),
        ({"status": "canceled", "ended_at": NOW, "revoked_for": "dispute"}, "disputed"),
        ({"status": "unpaid"}, "unpaid"),
    ],
)
def test_why_a_plan_ended_is_said(state: dict[str, object], reason: str) -> None:
    (ended,) = told(replace(ACTIVE, **state))  # pyright: ignore[reportArgumentType] -- fields of any kind
    assert ended.data == {"plan": "pro", "reason": reason}


def test_what_ended_long_ago_is_no_news() -> None:
    assert told(replace(ACTIVE, status="canceled", ended_at=NOW - 60 * DAY), before=None) == []


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired"])
def test_who_did_not_finish_buying_is_told_nothing(status: str) -> None:
    never = replace(OWED, status=status)
    assert every(never, before=None) == []
    assert told(ACTIVE, before=never) == []


def test_a_trials_end_is_told_three_days_ahead() -> None:
    trial = replace(ACTIVE, status="trialing", trial_end=NOW + 14 * DAY)
    (notice,) = told(trial, before=None)
    assert (notice.kind, notice.due, notice.data["until"]) == (
        NoticeKind.TRIAL_ENDING, NOW + 11 * DAY, NOW + 14 * DAY,
    )  # fmt: skip
    for over in (replace(trial, cancel_at=NOW + 14 * DAY), ACTIVE):
        assert told(over, before=over) == []
        assert Withdrawal("trial:sub_1") in every(over, before=trial)


def test_pauses_and_other_plans_are_told_as_they_come() -> None:
    resting = replace(ACTIVE, pause_behavior="void")
    assert [it.kind for it in told(resting)] == [NoticeKind.PAUSED]
    assert [it.kind for it in told(ACTIVE, before=resting)] == [NoticeKind.RESUMED]
    assert [it.kind for it in told(replace(ACTIVE, status="paused"))] == [NoticeKind.PAUSED]
    assert [it.kind for it in told(replace(ACTIVE, prices=("price_elite",)))] == [NoticeKind.CHANGED]
    assert told(resting, before=resting) == told(ACTIVE, before=None) == []


def test_money_is_told_by_its_own_ids() -> None:
    invoice = Invoice("in_1", "cus_1", "sub_1", "paid", 500, 500, "eur", 1, NOW + DAY, NOW)
    refund = Refund("re_1", "ch_1", 300, "eur", "succeeded", NOW)
    dispute = Dispute("dp_1", "ch_1", 500, "eur", "needs_response", "fraudulent", withdrawn=False, created=NOW)
    notices = [*paid(PAYER, invoice, "pro", NOW), *refunded(PAYER, refund, NOW), *disputed(PAYER, dispute, NOW)]
    assert [(it.key, it.data["amount"]) for it in notices if isinstance(it, Notice)] == [
        ("paid:in_1", 500), ("refunded:re_1", 300), ("disputed:dp_1", 500),
    ]  # fmt: skip
    assert paid(PAYER, replace(invoice, amount_paid=0), "pro", NOW) == ()
    assert paid(PAYER, replace(invoice, status="open"), "pro", NOW) == ()
    assert refunded(PAYER, replace(refund, status="pending"), NOW) == ()
    assert [*paid(PAYER, invoice, "pro", NOW + 60 * DAY), *refunded(PAYER, refund, NOW + 60 * DAY)] == []


def test_a_persons_own_plan_belongs_to_no_place() -> None:
    own = replace(PAYER, subject=Subject("person:ann"))
    assert {it.place for it in effects(own, ACTIVE, OWED, "pro", NOW) if isinstance(it, Notice)} == {None}
