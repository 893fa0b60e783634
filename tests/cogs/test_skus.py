"""Plans that guilds buy from Discord, from the event or the list to what a place may: case 33 of the fault table."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import discord
import pytest

import cogs.discord.skus
from billing.entitlements import Entitlements
from billing.plans import Plans
from billing.skus import DAY, HORIZON, GuildSkus, disparities
from cogs.discord.skus import PERIOD, DiscordEntitlements, SkuWatch
from core.enums import GrantSource
from core.ports.skus import SourceAwayError
from core.records.grants import Grant, Subject
from core.records.shop import Offer, Sale
from core.records.skus import SkuEntitlement
from core.types import Limits, PlaceId
from db.engine import Database
from db.entitlements import SqlEntitlements
from db.grants import SqlGrants
from db.skus import SqlSkuBook
from tests.cogs.conftest import Party
from tests.db.commands import MovedClock
from tests.simulators.discord.premium import DEVELOPER_GIFT, TEST_MODE_PURCHASE
from tests.waiting import until

FREE, PRO, ELITE = (Limits(name, queue=size) for name, size in (("free", 1), ("pro", 2), ("elite", 3)))


@dataclass
class Store:
    """A party whose guild may buy Pro and Elite from Discord."""

    party: Party
    database: Database
    clock: MovedClock
    entitlements: Entitlements
    skus: GuildSkus
    pro: int
    elite: int

    @property
    def place(self) -> PlaceId:
        return PlaceId(f"discord:{self.party.guild.id}")

    async def plan(self) -> str:
        await self.entitlements.refresh()
        return self.entitlements.limits(self.place).plan

    async def becomes(self, plan: str) -> None:
        """Wait until the guild has that plan."""

        async def has() -> bool:
            return await self.plan() == plan

        await until(has, what=plan)

    async def grants(self) -> list[Grant]:
        return [one for one in await SqlGrants(self.database, self.clock).all() if one.source is GrantSource.DISCORD]

    async def look(self) -> None:
        """The full look that comes each hour."""
        await self.skus.sync(DiscordEntitlements(self.party.client))


def selling(database: Database, clock: MovedClock, pro: int, elite: int, *, free: bool = False) -> GuildSkus:
    sales = {"pro": Sale("pro", sku=pro, sku_price=499), "elite": Sale("elite", sku=elite, sku_price=999)}
    plans = Plans({"free": FREE, "pro": PRO, "elite": ELITE}, "free", sales)
    entitlements = Entitlements(SqlEntitlements(database), plans, clock)
    return GuildSkus(SqlSkuBook(database, clock), plans, clock, entitlements.limits, free=free)


@pytest.fixture
async def store(database: Database, party: Party) -> Store:
    clock = MovedClock()
    pro, elite = party.discord.premium.sku("Pro"), party.discord.premium.sku("Elite")
    skus = selling(database, clock, pro, elite)
    plans = Plans({"free": FREE, "pro": PRO, "elite": ELITE}, "free")
    entitlements = Entitlements(SqlEntitlements(database), plans, clock)
    await party.stop()
    party.skus = skus
    await party.start()
    return Store(party, database, clock, entitlements, skus, pro, elite)


async def test_a_guild_has_what_it_bought_until_that_ends(store: Store) -> None:
    premium, ann = store.party.discord.premium, store.party.ann
    assert await store.plan() == "free"
    bought = premium.buy(store.pro, ann)
    await store.becomes("pro")
    [grant] = await store.grants()
    assert (grant.ref, grant.subject) == (str(bought), store.place)
    assert grant.valid_until == store.clock.time + HORIZON, "no paid grant is without an end"
    premium.end(bought)
    await store.becomes("free")


async def test_what_nobody_heard_of_is_seen_at_the_next_look_at_everything(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.party.stop()
    monkeypatch.setattr(cogs.discord.skus, "PERIOD", 0.1)
    await store.party.start()
    bought = store.party.discord.premium.buy(store.pro, store.party.ann, told=False)
    await store.becomes("pro")
    store.party.discord.premium.refund(bought, told=False)
    await store.becomes("free")


async def test_an_upgrade_leaves_no_gap_in_whichever_order_it_is_told(store: Store) -> None:
    premium, ann = store.party.discord.premium, store.party.ann
    for new_first in (False, True):
        bought = premium.buy(store.pro, ann)
        await store.becomes("pro")
        new = premium.upgrade(bought, store.elite, ann, new_first=new_first)
        await store.becomes("elite")
        premium.refund(new)
        await store.becomes("free")


async def test_33_the_list_wins_whatever_the_events_said(store: Store) -> None:
    """33: DELETE before CREATE; missed while offline; twice; on another shard than the guild's."""
    premium, ann = store.party.discord.premium, store.party.ann
    refunded = premium.buy(store.pro, ann, told=False)
    premium.refund(refunded, told=False)
    premium.tell("DELETE", premium.find(refunded))
    premium.tell("CREATE", premium.find(refunded) | {"deleted": False})
    bought = premium.buy(store.pro, ann)
    premium.tell("CREATE", premium.find(bought))
    await store.becomes("pro")
    assert [(one.ref, one.revoked_at) for one in await store.grants()] == [(str(bought), None)]
    await store.party.stop()
    premium.refund(bought)
    elite = premium.buy(store.elite, ann)
    assert await store.plan() == "pro", "nobody heard of it"
    await store.party.start()
    await store.becomes("elite")
    assert {one.ref: one.revoked_at is None for one in await store.grants()} == {str(bought): False, str(elite): True}
    premium.refund(elite, told=False)
    await store.look()
    assert await store.plan() == "free"


async def test_what_lives_on_is_renewed_and_not_written_each_hour(store: Store) -> None:
    premium = store.party.discord.premium
    premium.buy(store.pro, store.party.ann)
    await store.becomes("pro")
    [first] = await store.grants()
    store.clock.time += DAY // 2
    await store.look()
    assert await store.grants() == [first]
    for _ in range(20):
        store.clock.time += DAY
        await store.look()
        assert await store.plan() == "pro"
    store.clock.time += HORIZON
    assert await store.plan() == "free", "Discord was not to be reached for two weeks"


async def test_what_nobody_paid_for_counts_where_the_operator_says_so(store: Store) -> None:
    premium, ann, client = store.party.discord.premium, store.party.ann, store.party.client
    test, gift = (premium.buy(store.pro, ann, kind=kind) for kind in (TEST_MODE_PURCHASE, DEVELOPER_GIFT))
    await client.create_entitlement(
        discord.Object(store.pro), discord.Object(ann.guild.id), discord.EntitlementOwnerType.guild
    )
    await store.look()
    assert await store.grants() == []
    allowing = selling(store.database, store.clock, store.pro, store.elite, free=True)
    await allowing.sync(DiscordEntitlements(client))
    assert len(await store.grants()) == 3
    assert {str(test), str(gift)} < {one.ref for one in await store.grants()}
    assert await store.plan() == "pro"
    await store.look()
    assert await store.plan() == "free", "not any more"


async def test_unknown_skus_and_people_s_own_subscriptions_give_no_guild_anything(store: Store) -> None:
    premium, ann = store.party.discord.premium, store.party.ann
    premium.buy(premium.sku("Another"), ann)
    own = premium.find(premium.buy(store.pro, ann, told=False))
    del own["guild_id"]
    await store.look()
    assert await store.grants() == []


async def test_more_than_a_page_is_read_whole(store: Store) -> None:
    guilds = [store.party.discord.guild(f"Guild {number}") for number in range(3)]
    members = [guild.member("Boss") for guild in guilds]
    for number in range(105):
        store.party.discord.premium.buy(store.pro, members[number % 3], told=False)
    await store.look()
    assert len(await store.grants()) == 105
    oldest = store.party.discord.premium.entitlements[0]
    assert oldest["id"] in {one.ref for one in await store.grants()}


async def test_discord_away_changes_nothing_and_is_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    premium, faults = store.party.discord.premium, store.party.discord.faults
    monkeypatch.setattr(cogs.discord.skus, "RETRY", (0.05, 0.1))
    bought = premium.buy(store.pro, store.party.ann)
    await store.becomes("pro")
    await store.party.stop()
    await store.party.start()
    fault = faults.rest("GET", "/applications/*/entitlements", status=403, times=3)
    premium.end(bought)
    await until(lambda: fault.struck == 3, what="it was asked again")
    await store.becomes("free")
    faults.rest("GET", "/applications/*/entitlements*", status=403)
    with pytest.raises(SourceAwayError):
        await store.look()


async def test_only_discord_says_that_an_entitlement_is_no_more(store: Store) -> None:
    premium, faults = store.party.discord.premium, store.party.discord.faults
    bought = premium.buy(store.pro, store.party.ann)
    await store.becomes("pro")
    gone = premium.entitlements.pop()
    proxy = faults.rest("GET", "/applications/*/entitlements/*", status=404)
    with pytest.raises(SourceAwayError):
        await store.look()
    assert proxy.struck == 1
    assert await store.plan() == "pro", "a 404 of somebody else takes nothing away"
    premium.entitlements.append(gone)
    await store.look()
    assert await store.plan() == "pro"
    premium.entitlements.clear()
    await store.look()
    assert [(one.ref, await store.plan()) for one in await store.grants()] == [(str(bought), "free")]


async def test_a_mistake_of_ours_is_no_reason_to_look_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cogs.discord.skus, "RETRY", (0.05, 0.1))
    sync, mistakes = store.skus.sync, [ValueError()] * 2

    async def mistaken(*more: Any) -> None:
        if mistakes:
            raise mistakes.pop()
        await sync(*more)

    monkeypatch.setattr(store.skus, "sync", mistaken)
    store.party.discord.premium.buy(store.pro, store.party.ann)
    await store.becomes("pro")
    assert not mistakes


class Lists:
    """A Discord whose list is what a test says."""

    def __init__(self, *listed: SkuEntitlement) -> None:
        self.now = [*listed]
        self.meanwhile: list[SkuEntitlement] | None = None
        self.other: GuildSkus | None = None

    async def listed(self, guild: int | None) -> list[SkuEntitlement]:
        told = list(self.now)
        if self.meanwhile is not None and self.other is not None:
            self.now, self.meanwhile = self.meanwhile, None
            await self.other.sync(self, guild)
        return told

    async def one(self, entitlement: int) -> SkuEntitlement | None:
        return None


async def test_pauses_grow_from_the_first_one_until_it_is_done() -> None:
    answers, pauses = [False, False, True, False, False], list[float]()

    class Watch(SkuWatch):
        async def _work(self) -> bool:
            return answers.pop(0)

        async def _told(self, seconds: float) -> bool:
            pauses.append(seconds)
            return True

    with pytest.raises(IndexError):
        await Watch(None, None).run()  # pyright: ignore[reportArgumentType] -- neither is asked
    assert pauses == [1, 2, PERIOD, 1, 2]


async def test_who_read_an_older_list_does_not_write_over_a_newer_one(database: Database) -> None:
    clock = MovedClock()
    one, other = (selling(database, clock, 1, 2) for _ in range(2))
    pro = SkuEntitlement(7, 1, 70, clock.time - DAY)
    source = Lists(pro)
    await one.sync(source)
    source.other, source.meanwhile = other, [replace(pro, ends_at=clock.time)]
    await one.sync(source, 70)
    [grant] = await SqlGrants(database, clock).all()
    assert (grant.subject, grant.valid_until) == (Subject("discord:70"), clock.time)


async def test_a_list_that_lacks_something_is_not_believed_without_asking(database: Database) -> None:
    clock = MovedClock()
    skus = selling(database, clock, 1, 2)

    class Forgetful(Lists):
        async def one(self, entitlement: int) -> SkuEntitlement | None:
            return pro

    pro = SkuEntitlement(7, 1, 70, clock.time - DAY)
    await skus.sync(Lists(pro))
    await skus.sync(Forgetful())
    assert [one.revoked_at for one in await SqlGrants(database, clock).all()] == [None]
    await skus.sync(Lists())
    assert [one.revoked_at for one in await SqlGrants(database, clock).all()] == [clock.time]


async def test_who_meets_a_limit_is_shown_what_discord_sells_above_it(store: Store) -> None:
    party = store.party
    await party.ann.slash("play", query="aria")
    party.room.limits = replace(FREE, queue=100, entries_per_person=1)
    await party.ann.slash("play", query="blues")
    refused = await party.ann.slash("play", query="chant")
    assert "You have 1 tracks waiting" in refused.text
    assert refused.ephemeral
    party.discord.premium.press(party.ann, refused)
    await store.becomes("pro")
    # nothing is offered where it would not help
    none = await party.ann.slash("remove", track="77")
    assert none.message.payload.get("components", []) == []


def test_stripe_may_not_be_cheaper_than_discord() -> None:
    sales = {"pro": Sale("pro", sku=1, sku_price=499), "elite": Sale("elite")}
    month, year = (Offer("pro", name, amount, "usd", name) for name, amount in (("month", 499), ("year", 5988)))
    assert disparities(sales, [month, year]) == []
    assert disparities(sales, [replace(month, amount=498)]) == [
        "month (pro) costs 4.98 a month, less than 4.99 on Discord"
    ]
    assert disparities(sales, [replace(year, amount=4990)]) == [
        "year (pro) costs 4.16 a month, less than 4.99 on Discord"
    ]
    assert disparities(sales, [replace(month, amount=2994, count=6)]) == []
    assert disparities(sales, [replace(month, currency="eur")]) == [
        "month (pro) cannot be compared with Discord's price"
    ]
    assert disparities(sales, [replace(month, plan="elite")]) == ["elite is not sold on Discord"]


def test_the_end_of_an_entitlement_is_read_to_the_millisecond() -> None:
    """Times with and without fractions."""
    ends = datetime(2026, 12, 1, 10, 0, 0, 500_000, tzinfo=UTC)
    assert round(ends.timestamp() * 1000) % 1000 == 500
