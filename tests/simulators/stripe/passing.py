"""What time does: periods roll, trials end, payments are retried, sessions and pending updates expire."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from tests.simulators.stripe.clock import DAY, HOUR
from tests.simulators.stripe.periods import after, cost, next_after, period_end
from tests.simulators.stripe.shapes import Json

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

MOST = 10_000
"""Things that happen in one go, so that a mistake ends."""


class Due(NamedTuple):
    """Something that happens at a moment (seconds); of those at the same moment the lower rank is first."""

    at: int
    rank: int
    act: Callable[[Json], None]
    row: Json


class Passing:
    """Carries out what is due."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def until(self, now: int) -> None:
        """Everything that is due by now, in its order, each at its own moment."""
        for _ in range(MOST):
            due = min(self._dues(), key=lambda one: one[:2], default=None)
            if due is None or due.at > now:
                return
            with self._sim.at(due.at):
                due.act(due.row)
        raise AssertionError("time does not come to its end")

    def _dues(self) -> Iterator[Due]:
        for row in self._sim.objects.every("checkout.session", status="open"):
            yield Due(row["expires_at"], 0, self._sim.checkout.expire, row)
        for row in self._sim.objects.every("invoice"):
            yield from self._of_invoice(row)
        for row in self._sim.objects.every("subscription_schedule", status="active"):
            if row["current_phase"] is not None:
                yield Due(row["current_phase"]["end_date"], 1, self._sim.schedules.step, row)
        for row in self._sim.objects.every("subscription"):
            yield from self._of_subscription(row)

    def _of_invoice(self, row: Json) -> Iterator[Due]:
        if row["status"] == "draft" and row["auto_advance"] and row["automatically_finalizes_at"]:
            yield Due(row["automatically_finalizes_at"], 3, self._finalize, row)
        if row["status"] == "open" and row["next_payment_attempt"]:
            yield Due(row["next_payment_attempt"], 3, self._retry, row)

    def _of_subscription(self, row: Json) -> Iterator[Due]:
        status = row["status"]
        if status == "incomplete":
            yield Due(row["created"] + 23 * HOUR, 2, self._sim.subscriptions.expire, row)
        if row["pending_update"] is not None:
            yield Due(row["pending_update"]["expires_at"], 2, self._sim.changes.expire, row)
        if status not in {"trialing", "active", "past_due", "unpaid"}:
            return
        if row["cancel_at"] is not None:
            yield Due(row["cancel_at"], 2, self._cancel, row)
        if status == "trialing":
            if row["id"] not in self._sim.subscriptions.warned:
                yield Due(row["trial_end"] - 3 * DAY, 2, self._sim.subscriptions.warn, row)
            yield Due(row["trial_end"], 2, self._end_trial, row)
            return
        pause = row["pause_collection"]
        if pause is not None and pause["resumes_at"]:
            yield Due(pause["resumes_at"], 1, self._collect_again, row)
        yield Due(period_end(row), 2, self._roll, row)

    # ---- acts

    def _cancel(self, row: Json) -> None:
        self._sim.subscriptions.end(row)

    def _finalize(self, row: Json) -> None:
        self._sim.invoices.finalize(row)
        self._sim.invoices.collect(row)

    def _retry(self, row: Json) -> None:
        self._sim.invoices.collect(row)

    def _collect_again(self, row: Json) -> None:
        self._sim.subscriptions.change(row, pause_collection=None)

    def _end_trial(self, row: Json) -> None:
        customer = self._sim.objects.get("customer", row["customer"])
        card = row["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
        settings = row["trial_settings"] or {"end_behavior": {"missing_payment_method": "create_invoice"}}
        behaviour = settings["end_behavior"]["missing_payment_method"]
        if card is None and behaviour == "cancel":
            self._sim.subscriptions.end(row)
        elif card is None and behaviour == "pause":
            self._sim.pauses.pause(row, "trial_end_without_payment_method")
        else:
            self._roll(row)

    def _roll(self, row: Json) -> None:
        """The next period begins; its invoice is finalised in an hour."""
        items: list[Json] = []
        for item in row["items"]["data"]:
            start = item["current_period_end"]
            if start > self._sim.now():
                items.append(item)
                continue
            end = next_after(row["billing_cycle_anchor"], item["price"]["recurring"], start)
            items.append(item | {"current_period_start": start, "current_period_end": end})
        rolled = [item for item in items if item["current_period_start"] == self._sim.now()]
        lines = self._sim.changes.due(row) + [self._line(item) for item in rolled]
        status = "active" if row["status"] == "trialing" else row["status"]
        self._sim.subscriptions.change(row, items=row["items"] | {"data": items}, status=status)
        invoice = self._sim.drafts.make(row, "subscription_cycle", lines, discounts=list(row["discounts"]))
        self._sim.subscriptions.change(row, latest_invoice=invoice["id"])
        if row["status"] == "unpaid":
            invoice["auto_advance"] = False
        if row["pause_collection"] is not None:
            self._uncollected(invoice, row["pause_collection"]["behavior"])

    def _line(self, item: Json) -> Json:
        start, end = item["current_period_start"], item["current_period_end"]
        return self._sim.drafts.line(item, cost(item), start, end or after(start, item["price"]["recurring"]))

    def _uncollected(self, invoice: Json, behaviour: str) -> None:
        invoice["auto_advance"] = False
        if behaviour == "keep_as_draft":
            return
        self._sim.invoices.finalize(invoice)
        if behaviour == "void":
            self._sim.invoices.void(invoice)
        else:
            self._sim.invoices.uncollectible(invoice)
