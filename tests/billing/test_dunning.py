"""What payers are told, from the states of their subscriptions alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dunning import DAY, disputed, doubly_paid, effects, grace_end, paid, refunded
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
    keys = {day: [it.key for it in told(OWED, before=OWED, now=NOW + day * DAY)] for day in range(10)}
    assert [days for days in keys if days and keys[days] != keys[days - 1]] == [3, 6, 7]
    assert keys[0] == [f"dunning:sub_1:{NOW}:0"]
    (first, second, third, ended) = [told(OWED, now=NOW + day * DAY)[0] for day in (0, 3, 6, 7)]
    assert [it.data["day"] for it in (first, second, third)] == [0, 3, 6]
    for reminder in (first, second, third):
        assert reminder.kind is NoticeKind.PAYMENT_FAILED
        assert (reminder.data["until"], reminder.data["url"]) == (NOW + 7 * DAY, "https://pay.example/1")
    assert (ended.kind, ended.data) == (NoticeKind.ENDED, {"plan": "pro", "reason": "unpaid"})
    for notice in (first, second, third, ended):
        assert (notice.person, notice.place, notice.admins) == (PersonId("ann"), PlaceId("discord:7"), True)


@pytest.mark.parametrize(("grace", "days"), [(0, [0]), (2, [0]), (3, [0]), (4, [0, 3]), (30, [0, 3, 6])])
def test_no_reminder_comes_after_the_grace(grace: int, days: list[int]) -> None:
    owed = replace(OWED, grace_until=grace_end(NOW, grace))
    reminders = [it.data["day"] for day in range(40) for it in told(owed, now=NOW + day * DAY) if "day" in it.data]
    assert sorted(set(reminders)) == days


def test_who_hears_of_it_late_is_told_once_and_only_what_is_so_by_then() -> None:
    assert [it.data.get("day") for it in told(OWED, now=NOW + 4 * DAY)] == [3]
    assert [it.kind for it in told(OWED, now=NOW + 8 * DAY)] == [NoticeKind.ENDED]
    assert told(OWED, now=NOW + 60 * DAY) == []


def test_a_later_reminder_takes_the_place_of_one_that_still_waits() -> None:
    assert Withdrawal("dunning:sub_1", but=(f"dunning:sub_1:{NOW}:3",)) in every(OWED, now=NOW + 3 * DAY)


@given(st.lists(st.integers(0, 10 * DAY), min_size=1), st.sampled_from(["in_1", "in_2"]))
def test_further_failures_tell_nothing_new(looks: list[int], invoice: str) -> None:
    keys = {it.key: it.due for day in (0, 3, 6, 7) for it in told(OWED, now=NOW + day * DAY)}
    for look in looks:
        again = told(replace(OWED, latest_invoice=invoice), before=OWED, now=NOW + look)
        assert {it.key: it.due for it in again}.items() <= keys.items()


def test_reminders_end_when_it_is_paid() -> None:
    assert Withdrawal("dunning:sub_1") in every(ACTIVE, before=OWED)
    assert told(ACTIVE, before=OWED) == []


def test_the_end_is_told_once_whoever_ends_it_first() -> None:
    (after_grace,) = told(OWED, now=NOW + 7 * DAY)
    cancelled = replace(OWED, status="canceled", ended_at=NOW + 8 * DAY)
    (ended,) = told(cancelled, before=OWED, now=NOW + 8 * DAY)
    assert (ended.key, ended.kind, ended.data["reason"]) == (after_grace.key, NoticeKind.ENDED, "unpaid")
    assert Withdrawal("dunning:sub_1", but=(ended.key,)) in every(cancelled, now=NOW + 60 * DAY), "it can still be read"


def test_what_stays_unpaid_for_months_is_told_once() -> None:
    unpaid = replace(ACTIVE, status="unpaid")
    assert [it.kind for it in told(unpaid)] == [NoticeKind.ENDED]
    assert told(replace(unpaid, latest_invoice="in_2"), before=unpaid, now=NOW + DAY) == []


def test_of_a_status_that_nobody_knows_nothing_is_said() -> None:
    assert every(replace(ACTIVE, status="hibernating")) == []


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
    assert told(trial, before=None, now=NOW + 11 * DAY - 1) == []
    (notice,) = told(trial, before=None, now=NOW + 11 * DAY)
    assert (notice.kind, notice.data["until"]) == (NoticeKind.TRIAL_ENDING, NOW + 14 * DAY)
    assert Withdrawal("trial:sub_1", but=(notice.key,)) in every(trial, now=NOW + 12 * DAY), "it can still be read"
    assert told(trial, now=NOW + 14 * DAY) == []
    for over in (replace(trial, cancel_at=NOW + 14 * DAY), ACTIVE):
        assert told(over, before=over, now=NOW + 12 * DAY) == []
        assert Withdrawal("trial:sub_1") in every(over, before=trial, now=NOW + 12 * DAY)


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
    for tell in (
        lambda now: paid(PAYER, invoice, "pro", now),
        lambda now: refunded(PAYER, refund, now),
        lambda now: disputed(PAYER, dispute, now),
    ):
        assert tell(NOW + DAY)
        assert not tell(NOW + 60 * DAY)
    double = doubly_paid(PAYER, ACTIVE, "pro", refund)
    assert (double.key, double.data["amount"], double.due) == ("double:sub_1", 300, NOW), (
        "the outbox forgets it one day"
    )


def test_a_persons_own_plan_belongs_to_no_place() -> None:
    own = replace(PAYER, subject=Subject("person:ann"))
    assert {it.place for it in effects(own, ACTIVE, OWED, "pro", NOW) if isinstance(it, Notice)} == {None}
