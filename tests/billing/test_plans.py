"""The file of plans: what it says is what the rules get, and nonsense is named."""

from pathlib import Path
from typing import Any

import pytest

from billing.plans import Plans, PlansError, read_plans, read_sales
from core.enums import Filters

FILE = Path(__file__).parents[2] / "plans.toml"
TABLE: dict[str, tuple[Any, Any, Any]] = {
    "plan": ("free", "pro", "elite"),
    "queue": (100, 500, 5_000),
    "entries_per_person": (10, 50, 500),
    "length": (21_600_000, 21_600_000, 21_600_000),
    "bitrate": (96_000, 128_000, 256_000),
    "filters": (Filters.BASIC, Filters.PRESETS, Filters.ALL),
    "crossfade": (0, 0, 12_000),
    "loudness": (False, True, True),
    "panel": (False, True, True),
    "rtmp": (0, 1, 3),
    "listeners": (10, 100, 1_000),
    "rank": (0, 1, 2),
    "plays": (None, None, None),
    "listening": (None, None, None),
    "pushing": (None, None, None),
    "uploads": (None, None, None),
    "history_days": (7, 90, None),
}
"""What is sold, by limit: free, pro, elite."""
PLAN = """
[one]
queue = 1
per_person = 1
longest_track = 1
bitrate = 96
filters = "all"
crossfade = 0
loudness = true
panel = true
rtmp = 0
listeners = 1
history = "forever"
"""


@pytest.mark.parametrize(("limit", "plan"), [(limit, plan) for limit in TABLE for plan in range(3)])
def test_each_cell_of_the_table(limit: str, plan: int) -> None:
    name = ("free", "pro", "elite")[plan]
    assert getattr(read_plans(FILE)[name], limit) == TABLE[limit][plan]


def test_quotas_are_in_the_units_that_operators_write_and_may_be_left_out(tmp_path: Path) -> None:
    file = tmp_path / "plans.toml"
    file.write_text(PLAN + "quotas = { plays = 5, listening = 2, uploads = 3 }")
    one = read_plans(file)["one"]
    assert (one.plays, one.listening, one.pushing, one.uploads) == (5, 120_000, None, 3_000_000)
    file.write_text(PLAN + "quotas = { likes = 5 }")
    with pytest.raises(PlansError, match=r"one\.quotas"):
        read_plans(file)


def test_the_highest_plan_counts_and_nobody_has_less_than_the_default() -> None:
    plans = Plans(read_plans(FILE), "pro")
    assert list(plans.names) == ["free", "pro", "elite"]
    assert [plans.highest(had).plan for had in ([], ["free"], ["elite", "free"], ["gone"])] == [
        "pro", "pro", "elite", "pro",
    ]  # fmt: skip
    with pytest.raises(PlansError, match="no plan 'gold', only free, pro, elite"):
        Plans(read_plans(FILE), "gold")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("queue = 1\n", "", "one.queue: Field required"),
        ("queue = 1", "queue = 0", "one.queue: Input should be greater than or equal to 1"),
        ("queue = 1", 'queue = "1"', "one.queue: Input should be a valid integer"),
        ("rtmp", "rtmps", "one.rtmps: Extra inputs are not permitted"),
        ("bitrate = 96", "bitrate = 96000", "one.bitrate: Input should be less than or equal to 384"),
        ('"all"', '"every"', "one.filters: Input should be 'basic', 'presets' or 'all'"),
        ("panel = true", "panel = 1", "one.panel: Input should be a valid boolean"),
        ('"forever"', "0", "one.history: Input should be greater than or equal to 1"),
        ("[one]", "[one", "plans.toml: "),
        (PLAN, "one = 1", "one: Input should be a valid dictionary"),
        (PLAN, "", "the file: Dictionary should have at least 1 item"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, before: str, after: str, words: str) -> None:
    file = tmp_path / "plans.toml"
    assert before in PLAN
    file.write_text(PLAN.replace(before, after, 1))
    with pytest.raises(PlansError) as caught:
        read_plans(file)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlansError, match=r"plans\.toml cannot be read \(No such file"):
        read_plans(tmp_path / "plans.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    with pytest.raises(PlansError, match=r"latin\.toml: "):
        read_plans(tmp_path / "latin.toml")


def test_what_sells_a_plan(tmp_path: Path) -> None:
    file = tmp_path / "plans.toml"
    file.write_text(
        f"{PLAN}stripe_prices = ['price_new', 'price_year']\nstripe_old_prices = ['price_old']\nstars = 400\n"
        f"{PLAN.replace('[one]', '[two]')}discord_sku = 7\ndiscord_price = 499\n{PLAN.replace('[one]', '[three]')}"
    )
    plans = Plans(read_plans(file), "one", read_sales(file))
    assert list(plans.sales) == ["one", "two"], "nothing sells the third"
    assert [plans.priced(it) for it in ("price_new", "price_year", "price_old", "price_else")] == [
        "one", "one", "one", None,
    ]  # fmt: skip
    assert (plans.sku(7), plans.sku(8)) == ("two", None)
    assert (plans.sales["one"].stars, plans.sales["two"].sku_price) == (400, 499)
    assert plans.above("two", "one")
    assert not plans.above("gone", "one")


@pytest.mark.parametrize("line", ["stripe_prices = ['price_a']", "stripe_old_prices = ['price_a']"])
def test_a_price_buys_one_plan(tmp_path: Path, line: str) -> None:
    file = tmp_path / "plans.toml"
    file.write_text(f"{PLAN}stripe_prices = ['price_a']\n{PLAN.replace('[one]', '[two]')}{line}\n")
    with pytest.raises(PlansError, match="price_a: the price of two plans"):
        read_sales(file)


def test_nothing_is_sold_unless_the_operator_says_so() -> None:
    assert Plans(read_plans(FILE), "elite", read_sales(FILE)).sales == {}
