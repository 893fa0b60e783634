"""What payment services know of a person, and what they told of them."""

from collections.abc import Collection

from sqlalchemy import Select, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.models import accounts, attempts, charges, inbox, payees, subscriptions, tips


async def known_to_stripe(connection: AsyncConnection, people: Collection[str]) -> Collection[str]:
    """Their customers and accounts at Stripe, of either mode."""
    return {it for it in await connection.scalars(union(_customers(people), _accounts(people))) if it}


async def empty_events(connection: AsyncConnection, people: Collection[str]) -> int:
    """Take the words out of the events about them; that they came stays known, so that none counts twice."""
    intents = select(tips.c.payment_intent).where(or_(tips.c.giver.in_(people), tips.c.dj.in_(people)))
    theirs = [
        _customers(people),
        _accounts(people),
        intents,
        select(tips.c.session).where(or_(tips.c.giver.in_(people), tips.c.dj.in_(people))),
        select(attempts.c.ref).where(attempts.c.person.in_(people)),
        select(subscriptions.c.id).where(subscriptions.c.customer.in_(_customers(people))),
        select(charges.c.id).where(
            or_(charges.c.customer.in_(_customers(people)), charges.c.payment_intent.in_(intents))
        ),
    ]
    ids = {it for it in await connection.scalars(union(*theirs)) if it}
    spoken_of = or_(*(column.in_(ids) for column in (inbox.c.customer, inbox.c.account, inbox.c.object, inbox.c.key)))
    return (await connection.execute(update(inbox).where(spoken_of, inbox.c.raw != "").values(raw=""))).rowcount


def _customers(people: Collection[str]) -> Select[str | None]:
    return select(accounts.c.customer).where(accounts.c.person.in_(people))


def _accounts(people: Collection[str]) -> Select[str]:
    return select(payees.c.account).where(payees.c.person.in_(people))
