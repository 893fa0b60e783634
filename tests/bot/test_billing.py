"""The commands about plans, as an operator types them."""

import csv
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.billing import revoke
from bot.clock import SystemClock
from bot.config import Settings
from core.enums import GrantSource, Meter, Surface
from core.records.grants import Subject
from core.records.notices import Channel, Job, LetterState
from core.records.payments import Target, TargetKind
from core.records.usage import Use
from core.types import Identity, PlaceId
from db.engine import Database
from db.grants import SqlGrants
from db.migrate import migrate
from db.outbox import SqlOutbox
from db.payments_targets import SqlTargets
from db.places import SqlPlaces
from db.usage import SqlUsage
from tests.bot.test_commands import bot
from tests.db.commands import MovedClock


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data folder with the Lobby and somebody who was there."""
    database = Database(f"sqlite:///{tmp_path}/chorus.db")
    await migrate(database)
    places = SqlPlaces(database, MovedClock())
    await places.lobby()
    await places.person(Identity(Surface.DISCORD, "80", "Ann"))
    await database.close()
    return tmp_path


def billing(*words: str, data: Path) -> str:
    done = bot("billing", *words, data=data)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


async def test_a_gift_is_listed_until_it_is_revoked_and_after(data: Path) -> None:
    given = billing("gift", "lobby", "pro", "--days", "30", "--reason", "thanks", data=data)
    assert given.startswith("1  web:lobby  pro  operator of ")
    assert given.endswith("  counts  thanks\n")
    assert billing("list", data=data) == given
    assert billing("revoke", "1", data=data) == given.replace("counts", "revoked")
    audited = bot("audit", data=data).stdout
    assert [audited.count(action) for action in ("plan.granted", "plan.revoked")] == [1, 1]


async def test_whose_plan_counts_for_a_place_is_said_and_taken_back(data: Path) -> None:
    assert billing("cover", "organisation:club", "lobby", data=data).endswith("club counts for web:lobby now.\n")
    assert billing("cover", "organisation:club", "web:lobby", data=data).endswith("counts for web:lobby already.\n")
    assert billing("list", data=data) == "The plan of organisation:club counts for web:lobby.\n"
    assert billing("uncover", "organisation:club", "lobby", data=data).endswith("not count for web:lobby now.\n")


async def test_jobs_that_were_given_up_are_done_again_by_replay(data: Path) -> None:
    database, clock = Database(f"sqlite:///{data}/chorus.db"), SystemClock()
    outbox = SqlOutbox(database, clock)
    await outbox.put(Job("refund:1", "refund"))
    letter = await outbox.claim(Channel.JOB, repeatable=None)
    assert letter
    await outbox.settle(letter, LetterState.DEAD)
    assert await outbox.waiting() == []
    assert billing("replay", data=data).startswith("1 to be looked at again")
    assert await outbox.waiting() == [Channel.JOB]
    assert billing("replay", data=data).startswith("0 to be looked at again")
    await database.close()


async def test_grants_are_exported_for_spreadsheets_and_programs(data: Path) -> None:
    billing("gift", "person:discord:80", "pro", "--trial", "--days", "7", data=data)
    rows = list(csv.DictReader(billing("export", data=data).splitlines()))
    objects = [json.loads(line) for line in billing("export", "--format", "jsonl", data=data).splitlines()]
    assert [(row["plan"], row["source"]) for row in rows] == [("pro", "trial")]
    assert [row["subject"] for row in rows] == [row["subject"] for row in objects]
    assert round((objects[0]["valid_until"] - objects[0]["starts_at"]) / 86_400_000, 3) == 7
    assert bot("audit", data=data).stdout.count("grants.exported") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("gift web:lobby gold", "There is no plan 'gold', only free, pro, elite."),
        ("gift web:nowhere pro", "There is no such room or place: web:nowhere"),
        ("gift organisation: pro", "There is no such room or place: organisation:"),
        ("gift person:discord:1 pro", "nobody is known as discord:1"),
        ("revoke 1", "There is no grant 1, or it was revoked before."),
        ("cover web:lobby web:lobby", "Only the plan of a person: or an organisation: may count for other places."),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_line(data: Path, words: str, said: str) -> None:
    done = bot("billing", *words.split(), data=data)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{said}\n")


@pytest.mark.parametrize("words", ["list", "gift web:lobby pro"])
async def test_without_a_database_it_is_said_how_to_get_one(tmp_path: Path, words: str) -> None:
    done = bot("billing", *words.split(), data=tmp_path)
    said = "The database is empty: start the bot once, or run `python -m bot migrate`.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


async def test_what_is_no_text_is_refused(data: Path) -> None:
    done = bot("billing", "gift", "web:lobby", "pro", "--reason", "\udcff", data=data)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "What was typed is not UTF-8.\n")


async def test_a_name_that_is_empty_is_none(data: Path) -> None:
    for number in (1, 2):
        assert billing("gift", "lobby", "pro", "--ref", "", data=data).startswith(f"{number}  web:lobby")


async def test_a_database_of_a_newer_version_is_left_alone(data: Path) -> None:
    database = Database(f"sqlite:///{data}/chorus.db")
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    done = bot("billing", "gift", "web:lobby", "pro", data=data)
    assert done.stderr == "The database is of a newer version of this program: it is at revision 9999.\n"
    assert done.returncode == 1


async def test_what_is_no_number_of_a_grant_is_refused(data: Path) -> None:
    done = bot("billing", "revoke", "99999999999999999999999", data=data)
    assert (done.returncode, "Invalid value for 'grant'" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (GrantSource.STRIPE, "refund or cancel x_1 at Stripe, and the plan follows."),
        (GrantSource.DISCORD, "Discord alone ends or refunds it."),
        (GrantSource.STARS, "`billing refund-stars x_1` pays it back and ends it."),
    ],
)
async def test_what_was_paid_for_is_not_taken_by_hand(data: Path, source: GrantSource, said: str) -> None:
    database = Database(f"sqlite:///{data}/chorus.db")
    grants = SqlGrants(database, SystemClock())
    await grants.give(source, Subject("web:lobby"), "pro", until=SystemClock().now() + 86_400_000, ref="x_1")
    with pytest.raises(SystemExit, match=re.escape(f"Grant 1 was paid for: {said}")):
        await revoke(Settings(data_dir=data), 1)
    (grant,) = await grants.all()
    assert grant.revoked_at is None
    await database.close()


async def test_what_was_given_up_is_replayed(data: Path) -> None:
    database, clock = Database(f"sqlite:///{data}/chorus.db"), MovedClock()
    targets = SqlTargets(database, clock)
    await targets.mark(Target(TargetKind.CUSTOMER, "cus_1"))
    claim = await targets.claim([TargetKind.CUSTOMER])
    assert claim
    await targets.give_up(claim, "KeyError")
    assert billing("replay", data=data).startswith("1 to be looked at again")
    assert await targets.claim([TargetKind.CUSTOMER])
    await database.close()
    assert billing("replay", data=data).startswith("0 to be")
    unknown = bot("billing", "replay", "evt_1", data=data)
    assert (unknown.returncode, unknown.stderr) == (1, "There is no event evt_1 that could be replayed.\n")
    assert bot("audit", data=data).stdout.count("payments.replayed") == 3


async def test_nothing_is_given_twice(data: Path) -> None:
    for options in (["--trial"], ["--ref", "order 5"]):
        billing("gift", "web:lobby", "pro", *options, data=data)
        done = bot("billing", "gift", "web:lobby", "pro", *options, data=data)
        assert (done.returncode, done.stderr) == (
            1,
            f"That was given before: {options[-1] if options[1:] else 'web:lobby'}\n",
        )


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"DEFAULT_PLAN": "gold"}, "DEFAULT_PLAN: there is no plan 'gold', only free, pro, elite"),
        ({"PLANS_FILE": "{data}/none.toml"}, "PLANS_FILE: {data}/none.toml cannot be read (No such file or directory)"),
        ({"PLANS_FILE": "{data}/bad.toml"}, "PLANS_FILE: {data}/bad.toml: pro.queue: Field required"),
        (
            {"PLANS_FILE": "{data}/less.toml", "DEFAULT_PLAN": "free"},
            "PLANS_FILE: somebody has a plan that is not in it: pro",
        ),
    ],
)
async def test_a_start_with_wrong_plans_ends_in_a_line(data: Path, env: dict[str, str], said: str) -> None:
    table = (Path(__file__).parents[2] / "plans.toml").read_text()
    (data / "bad.toml").write_text(table.replace("queue = 500\n", "", 1))
    (data / "less.toml").write_text(table.partition("[pro]")[0])
    billing("gift", "web:lobby", "pro", data=data)
    done = bot("run", data=data, **{name: value.format(data=data) for name, value in env.items()})
    assert done.returncode == 1
    assert done.stderr == f"Chorus cannot start: {said.format(data=data)}\n"


async def test_what_places_use_is_listed_beside_what_they_may(data: Path, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{data}/chorus.db")
    now = SystemClock().now()
    await SqlUsage(database).note(
        [
            Use(PlaceId("web:lobby"), Meter.PLAYS, "a", 3, now),
            Use(PlaceId("web:lobby"), Meter.LISTENING, "a", 90_000, now),
        ]
    )
    await database.close()
    plans = tmp_path / "plans.toml"
    text = (Path(__file__).parents[2] / "plans.toml").read_text()
    plans.write_text(text.replace("[elite]", "[elite]\nquotas = { listening = 6_000, uploads = 500 }"))
    done = bot("billing", "usage", data=data, PLANS_FILE=str(plans))
    lines = [line.split("  since")[0] for line in done.stdout.splitlines()]
    assert lines == [
        "web:lobby  plays      3 tracks",
        "web:lobby  listening  1 of 6,000 minutes",
        "web:lobby  pushing    0 minutes",
        "web:lobby  uploads    0 of 500 MB",
    ]
    assert billing("usage", "lobby", data=data).count("web:lobby") == 4
