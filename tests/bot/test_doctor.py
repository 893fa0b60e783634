"""`bot billing doctor` as an operator reads it, and the lines of `bot check` about Stripe."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from billing.events import OURS
from bot.check_payments import stripe_key, stripe_url
from bot.checking import WrongError
from bot.config import Settings
from bot.doctor import diagnose
from tests.simulators.stripe import StripeSimulator

PLANS = Path(__file__).parents[2] / "plans.toml"


@pytest.fixture
async def stripe() -> AsyncIterator[StripeSimulator]:
    async with StripeSimulator.start() as sim:
        yield sim


def settings(stripe: StripeSimulator, folder: Path, *, price: str = "price_gone") -> Settings:
    plans = folder / "plans.toml"
    plans.write_text(re.sub(r"^\[pro\]$", f'[pro]\nstripe_prices = ["{price}"]', PLANS.read_text(), flags=re.MULTILINE))
    return Settings(
        stripe_secret_key=SecretStr(stripe.key),
        stripe_webhook_secret=SecretStr(stripe.secret),
        stripe_api_url=stripe.url,
        public_url="https://music.example.org",
        plans_file=plans,
        data_dir=folder,
    )


async def test_what_is_missing_is_named_and_no_secret(
    stripe: StripeSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await diagnose(settings(stripe, tmp_path)) == 1
    said = capsys.readouterr().out
    assert "WRONG  endpoint" in said
    assert "none leads to https://music.example.org/webhooks/stripe" in said
    assert "price_gone: there is no such price" in said
    assert stripe.key not in said
    assert stripe.secret not in said


async def test_all_is_well(stripe: StripeSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    price = stripe.catalog.price(499)["id"]
    stripe.endpoints.make("https://music.example.org/webhooks/stripe", sorted(OURS), [stripe.secret])
    assert await diagnose(settings(stripe, tmp_path, price=price)) == 0
    assert "WRONG" not in capsys.readouterr().out


async def test_tips_need_to_hear_of_the_accounts_of_djs(
    stripe: StripeSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    price = stripe.catalog.price(499)["id"]
    stripe.endpoints.make("https://music.example.org/webhooks/stripe", sorted(OURS), [stripe.secret])
    tipping = settings(stripe, tmp_path, price=price).model_copy(update={"tips": "eur"})
    assert await diagnose(tipping) == 1
    assert "WRONG  endpoint of connected accounts" in capsys.readouterr().out


async def test_without_a_key_there_is_nothing_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert await diagnose(Settings()) == 0
    assert "off: nothing is sold through Stripe" in capsys.readouterr().out


async def test_check_tries_the_key(stripe: StripeSimulator, tmp_path: Path) -> None:
    known = settings(stripe, tmp_path)
    assert (await stripe_key(known)).startswith("test mode, acct_")
    assert await stripe_url(known) == stripe.url
    stripe.keys.clear()
    with pytest.raises(WrongError, match="the key is refused"):
        await stripe_key(known)
