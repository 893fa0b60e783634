"""Commands about plans: who was given which; the bot may run meanwhile."""

import csv
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from billing.plans import PlansError
from billing.usage import PERIOD, Usage
from bot.clock import SystemClock
from bot.config import Settings
from bot.linking import room_of
from bot.maintenance import opened
from bot.plans import open_entitlements, open_plans
from core.bus import LocalBus
from core.enums import GrantSource, Meter
from core.errors import NoSuchRoomError
from core.records.grants import Grant, Subject
from core.records.shop import Used
from core.types import PlaceId
from core.usage import UNITS
from db.engine import Database
from db.grants import GrantedBeforeError, NoSuchGrantError, SqlGrants
from db.groups import Groups
from db.outbox import SqlOutbox
from db.payments_inbox import SqlInbox
from db.people import SqlPeople
from db.personal import NoSuchPersonError, PersonalData
from db.places import SqlPlaces
from db.tips import SqlTips
from db.usage import SqlUsage

DAY = 86_400_000
_BOUGHT = {
    GrantSource.STRIPE: "refund or cancel {ref} at Stripe, and the plan follows.",
    GrantSource.DISCORD: "Discord alone ends or refunds it.",
    GrantSource.STARS: "`billing refund-stars {ref}` pays it back and ends it.",
}


class BoughtError(Exception):
    """It does not end by the operator's word, because somebody paid for it; the message says how it does."""


async def gift(
    settings: Settings, whom: str, plan: str, *, days: int | None, trial: bool, ref: str | None, reason: str
) -> None:
    """Somebody has a plan from now on, for some days or until it is revoked."""
    async with _grants(settings) as (database, grants):
        names = open_plans(settings).names
        if plan not in names:
            raise PlansError(f"There is no plan {plan!r}, only {', '.join(names)}.")
        until = SystemClock().now() + days * DAY if days else None
        source, subject = GrantSource.TRIAL if trial else GrantSource.OPERATOR, await _subject(database, whom)
        grant = await grants.give(source, subject, plan, until=until, ref=ref or None, reason=reason)
    typer.echo(_line(grant))


async def revoke(settings: Settings, number: int) -> None:
    """It counts no longer. What was paid for ends where it was bought: here it would be back at the next look."""
    async with _grants(settings) as (_, grants):
        bought = next((it for it in await grants.all() if it.id == number and it.source in _BOUGHT), None)
        if bought is not None and bought.revoked_at is None:
            raise BoughtError(f"Grant {number} was paid for: {_BOUGHT[bought.source].format(ref=bought.ref)}")
        typer.echo(_line(await grants.revoke(number)))


async def cover(settings: Settings, whom: str, place: str, *, on: bool) -> None:
    """The plan of a person or an organisation counts for a place, or does not any more."""
    async with _grants(settings) as (database, grants):
        subject, covered = await _subject(database, whom), await _place(database, place)
        if subject == covered or not subject.startswith(("person:", "organisation:")):
            raise PlansError("Only the plan of a person: or an organisation: may count for other places.")
        news = await (grants.cover if on else grants.uncover)(covered, subject)
    state = "counts" if on else "does not count"
    typer.echo(f"The plan of {subject} {state} for {covered}{' now' if news else ' already'}.")


async def show(settings: Settings) -> None:
    """A line for each grant, the oldest first, then one for each place that others cover."""
    async with _grants(settings) as (_, grants):
        for grant in await grants.all():
            typer.echo(_line(grant))
        for place, subject in await grants.covers():
            typer.echo(f"The plan of {subject} counts for {place}.")


async def usage(settings: Settings, whom: str | None) -> None:
    """A line for each place and meter: what it used in its period, beside what it may."""
    async with _grants(settings) as (database, _):
        clock, ledger, plans = SystemClock(), SqlUsage(database), open_plans(settings)
        entitlements = await open_entitlements(database, plans, clock)
        usage = Usage(ledger, entitlements, plans, clock)
        await usage.refresh()
        counts = await ledger.all(clock.now() - PERIOD)
        places = [await _place(database, whom)] if whom else sorted({it.place for it in counts})
        for place in places:
            for used in await usage.used(place):
                typer.echo(_usage_line(place, used))


async def replay(settings: Settings, event: str | None) -> None:
    """What was given up is looked at or done again, or one event of Stripe's, whatever became of it."""
    async with opened(settings) as database:
        count = await SqlInbox(database, SystemClock()).replay(event)
        if event is None:
            count += await SqlOutbox(database, SystemClock()).revive()
        action, after = "payments.replayed", {"event": event or "dead", "count": count}
        await PersonalData(database, SystemClock()).note(action, after)
    if event is not None and not count:
        sys.exit(f"There is no event {event} that could be replayed.")
    typer.echo(f"{count} to be looked at again; a running bot does it within seconds.")


async def refund_tip(settings: Settings, tip: str) -> None:
    """A tip is paid back by the bot, as soon as one runs."""
    async with _grants(settings) as (database, _):
        if not await SqlTips(database).pay_back(tip, SystemClock().now()):
            sys.exit(f"No tip {tip} was paid that is not paid back yet.")
    typer.echo(f"Tip {tip} is paid back as soon as a bot runs that sells through Stripe.")


async def export(settings: Settings, form: str) -> None:
    """Every grant to standard output; `form` is `csv` or `jsonl`."""
    async with _grants(settings) as (database, grants):
        rows = [asdict(grant) for grant in await grants.all()]
        await PersonalData(database, SystemClock()).note("grants.exported", {"format": form})
    if form == "jsonl":
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    table = csv.DictWriter(sys.stdout, [*Grant.__dataclass_fields__], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


@asynccontextmanager
async def _grants(settings: Settings) -> AsyncGenerator[tuple[Database, SqlGrants]]:
    """The grants; what cannot be done ends the program with one line."""
    async with opened(settings) as database:
        try:
            yield database, SqlGrants(database, SystemClock())
        except (PlansError, BoughtError, NoSuchPersonError) as error:
            sys.exit(str(error))
        except NoSuchRoomError as error:
            sys.exit(f"There is no such room or place: {error}")
        except NoSuchGrantError as error:
            sys.exit(f"There is no grant {error}, or it was revoked before.")
        except GrantedBeforeError as error:
            sys.exit(f"That was given before: {error}")


async def _subject(database: Database, whom: str) -> Subject:
    """Who is meant: a place, `person:` with an id or an identity, or `organisation:` with a name."""
    kind, _, name = whom.partition(":")
    if kind == "organisation" and name:
        return Subject(whom)
    if kind == "person":
        identity = await SqlPeople(database, LocalBus(), SystemClock(), Groups()).identity(name)
        return Subject(f"person:{await SqlPlaces(database, SystemClock()).person(identity)}")
    return Subject(await _place(database, whom))


async def _place(database: Database, wanted: str) -> PlaceId:
    return (await room_of(SqlPlaces(database, SystemClock()), wanted)).place


def _line(grant: Grant) -> str:
    now = SystemClock().now()
    ended = grant.valid_until is not None and grant.valid_until <= now
    state = "revoked" if grant.revoked_at is not None else "ended" if ended else "counts"
    until = "without end" if grant.valid_until is None else f"until {_day(grant.valid_until)}"
    notes = " ".join(note for note in (grant.ref, grant.reason) if note)
    given = f"{grant.source} of {_day(grant.created_at)}"
    return "  ".join([str(grant.id), grant.subject, grant.plan, given, until, state, notes]).rstrip()


def _usage_line(place: PlaceId, used: Used) -> str:
    meter = Meter(used.meter)
    unit, size = _UNITS[meter], UNITS[meter]
    limit = "" if used.limit is None else f" of {used.limit // size:,}"
    until = f"  until {_day(used.until)}" if used.until else ""
    return f"{place}  {used.meter:<9}  {used.used // size:,}{limit} {unit}  since {_day(used.since)}{until}"


_UNITS = {
    Meter.PLAYS: "tracks",
    Meter.LISTENING: "minutes",
    Meter.PUSHING: "minutes",
    Meter.UPLOADS: "MB",
}


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")
