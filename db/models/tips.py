"""Tips to DJs. Amounts are in the currency's smallest unit."""

from sqlalchemy import BigInteger, Boolean, Column, Named, Table, Text, TypedColumns

from db.models.base import metadata


class PayeeColumns(TypedColumns):
    """Somebody who can be tipped, and their account at Stripe. `payable` as of the latest look at it."""

    person: Named[str] = Column(Text, primary_key=True)
    livemode: Named[bool] = Column(Boolean, primary_key=True)
    account: Named[str] = Column(Text, unique=True)
    name: Named[str] = Column(Text)
    payable: Named[bool] = Column(Boolean)
    gone: Named[bool] = Column(Boolean)
    created_at: Named[int] = Column(BigInteger)


class TipColumns(TypedColumns):
    """A tip. `fee` stays with the operator. `state`: open, paid, held (not what was agreed: somebody has to look),
    refunding, refunded, failed, expired, disputed.
    """

    id: Named[str] = Column(Text, primary_key=True)
    room: Named[str] = Column(Text)
    place: Named[str] = Column(Text)
    giver: Named[str] = Column(Text, index=True)
    giver_name: Named[str] = Column(Text)
    dj: Named[str] = Column(Text, index=True)
    dj_name: Named[str] = Column(Text)
    account: Named[str] = Column(Text)
    livemode: Named[bool] = Column(Boolean)
    amount: Named[int] = Column(BigInteger)
    fee: Named[int] = Column(BigInteger)
    currency: Named[str] = Column(Text)
    session: Named[str | None] = Column(Text, unique=True)
    payment_intent: Named[str | None] = Column(Text, unique=True)
    refunded: Named[int] = Column(BigInteger)
    state: Named[str] = Column(Text)
    reason: Named[str] = Column(Text, server_default="")
    created_at: Named[int] = Column(BigInteger)
    paid_at: Named[int | None] = Column(BigInteger)


payees = Table("payees", metadata, PayeeColumns)
tips = Table("tips", metadata, TipColumns)
