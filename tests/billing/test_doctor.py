"""The doctor finds what is wrong at Stripe, and says nothing of what is right but that."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import stripe

from billing.doctor import Doctor
from billing.events import ACCOUNTS, OURS
from billing.plans import Plans
from core.records.shop import Sale
from core.types import Limits
from db.engine import Database
from tests.billing.installation import Installation, opened

HOOK = "https://music.example.org/webhooks/stripe"


@pytest.fixture
async def shop(sqlite_copy: str) -> AsyncIterator[Installation]:
    """One on SQLite: nothing of this is in the database."""
    database = Database(sqlite_copy)
    async with opened(database) as shop:
        yield shop
    await database.close()


@pytest.fixture
async def doctor(shop: Installation) -> Doctor:
    return Doctor(shop.client, shop.plans, HOOK, livemode=False, connected=True)


async def wrong(doctor: Doctor) -> dict[str, str]:
    return {it.about: it.text for it in await doctor.findings() if not it.ok}


def endpoint(shop: Installation, connect: bool = False, **more: object) -> str:
    types = sorted(ACCOUNTS if connect else OURS)
    return shop.sim.endpoints.make(HOOK, types, ["whsec_1"], connect=connect, **more).id  # pyright: ignore[reportArgumentType]


async def test_all_is_well(doctor: Doctor, shop: Installation) -> None:
    endpoint(shop)
    endpoint(shop, connect=True)
    findings = await doctor.findings()
    assert all(it.ok for it in findings), findings
    assert {it.about for it in findings} == {
        "key", "endpoint", "endpoint of connected accounts", "price of pro", "price of elite",
    }  # fmt: skip


async def test_an_endpoint_is_missing_or_of_another_version(doctor: Doctor, shop: Installation) -> None:
    assert (await wrong(doctor))["endpoint"] == f"none leads to {HOOK}"
    key = endpoint(shop, version="2024-06-20")
    assert (await wrong(doctor))["endpoint"] == f"{key} sends API 2024-06-20, not {stripe.api_version}"


async def test_an_endpoint_sends_too_little(doctor: Doctor, shop: Installation) -> None:
    key = endpoint(shop)
    shop.sim.objects.get("webhook_endpoint", key)["enabled_events"].remove("charge.refunded")
    assert (await wrong(doctor))["endpoint"] == f"{key} does not send charge.refunded"


@pytest.mark.parametrize(
    ("field", "value", "said"), [("status", "disabled", "is disabled"), ("livemode", True, "is of the other mode")]
)
async def test_an_endpoint_that_brings_nothing(
    doctor: Doctor, shop: Installation, field: str, value: object, said: str
) -> None:
    key = endpoint(shop)
    shop.sim.objects.get("webhook_endpoint", key)[field] = value
    assert (await wrong(doctor))["endpoint"].startswith(f"{key} {said}")


async def test_an_account_that_cannot_take_payments(doctor: Doctor, shop: Installation) -> None:
    account = await shop.client.v1.accounts.retrieve_current_async()
    shop.sim.connect._own["charges_enabled"] = False
    assert (await wrong(doctor))["key"] == f"{account.id} (test mode) cannot take payments yet"


async def test_prices_that_cannot_be_sold(shop: Installation, doctor: Doctor) -> None:
    shop.sim.objects.get("price", shop.elite)["active"] = False
    found = await wrong(doctor)
    assert found["price of elite"] == f"{shop.elite}: it is archived"
    assert "price of pro" not in found
    gone = Plans({"free": Limits("free"), "pro": Limits("pro")}, "free", {"pro": Sale("pro", ["price_gone"])})
    found = await wrong(Doctor(shop.client, gone, HOOK, livemode=False))
    assert found["price of pro"] == "price_gone: there is no such price"
    live = await wrong(Doctor(shop.client, shop.plans, HOOK, livemode=True))
    assert "other mode" in live["price of pro"]


async def test_nothing_is_cheaper_than_on_discord(shop: Installation, doctor: Doctor) -> None:
    sales = {plan: replace(sale, sku=7, sku_price=600) for plan, sale in shop.plans.sales.items()}
    plans = Plans({name: Limits(name) for name in ("free", "pro", "elite")}, "free", sales)
    found = await wrong(Doctor(shop.client, plans, HOOK, livemode=False))
    assert found["parity"] == f"{shop.pro} (pro) costs 5.00 a month, less than 6.00 on Discord"


async def test_codes_may_make_a_plan_cheaper_than_on_discord(shop: Installation, doctor: Doctor) -> None:
    shop.sim.catalog.promotion_code("MAY", shop.sim.catalog.coupon(percent_off=50)["id"])
    assert "parity" not in await wrong(doctor), "Discord sells nothing"
    sales = {plan: replace(sale, sku=7, sku_price=400) for plan, sale in shop.plans.sales.items()}
    plans = Plans({name: Limits(name) for name in ("free", "pro", "elite")}, "free", sales)
    found = await wrong(Doctor(shop.client, plans, HOOK, livemode=False))
    assert found["parity"] == "codes make plans cheaper than on Discord: MAY"


async def test_a_key_that_is_refused(shop: Installation, doctor: Doctor) -> None:
    shop.sim.keys.clear()
    assert (await wrong(doctor))["key"].startswith("Stripe answers AuthenticationError 401")
