"""The table of actions and roles, and the cells of it that admins change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.enums import Duplicates, Leavers, Mode, TurnMeasure
from core.errors import (
    ChorusError,
    ForbiddenError,
    NoSuchChoiceError,
    NoSuchRoomError,
    NoSuchSettingError,
    NotListeningError,
    OutOfRangeError,
)
from core.policy import TABLE, Action, Role, checked_cell
from core.records.results import Asked, Changed, Removed, Skipped
from core.types import PersonId, PlaceId, Settings
from tests.core.conftest import ROOM, World
from tests.fakes import track


@pytest.fixture
async def hall(guild: World) -> World:
    """A guild with a DJ role where Ann's tracks play and wait, and four people are there."""
    guild.room.settings = Settings(dj_role=7)
    await guild.jukebox.add(ROOM, guild.member("ann"), [track(title) for title in "ABCD"])
    await guild.voice("ann", "ben", "cyd", "dan")
    return guild


async def configure(world: World, **cells: Any) -> Settings:
    changes = {f"policy.{name}": roles for name, roles in cells.items()}
    return await world.jukebox.configure(ROOM, world.member("boss", channel=None, admin=True), changes)


def test_the_table_speaks_of_every_action() -> None:
    assert {*TABLE} == {*Action}


def test_the_table_is_written_down_for_admins() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "policy.md").read_text().splitlines()
    for action, rule in TABLE.items():
        roles = ", ".join(f"`{role}`" for role in Role if role in rule.roles)
        assert f"| `{action}` | {roles} | {'yes' if rule.poll else ''} | `{rule.guests}` |" in lines


async def test_a_cell_gives_an_action_to_others_and_takes_it_back(hall: World) -> None:
    with pytest.raises(ForbiddenError) as refused:
        await hall.jukebox.leave(ROOM, hall.member("ben"))
    assert refused.value.needs == "dj"
    assert (await configure(hall, leave="listener, dj")).policy == {"leave": ("listener", "dj")}
    assert (await hall.jukebox.leave(ROOM, hall.member("ben"))).changed
    assert (await configure(hall, leave="default")).policy == {}
    assert [(it.before, it.after) for it in hall.rooms.audits] == [
        ({"policy.leave": None}, {"policy.leave": ("listener", "dj")}),
        ({"policy.leave": ("listener", "dj")}, {"policy.leave": None}),
    ]


async def test_what_one_may_not_do_alone_any_more_becomes_a_question(hall: World) -> None:
    await configure(hall, skip=["poll"])
    assert await hall.jukebox.skip(ROOM, hall.member("ann")) == Skipped(False, "A", 1, 2)  # her own track
    assert (await hall.jukebox.skip(ROOM, hall.member("ben", dj=True))).votes == 2
    assert hall.on_air == "B"
    await configure(hall, clear=["dj"])
    with pytest.raises(ForbiddenError):
        await hall.jukebox.clear(ROOM, hall.member("ben"))
    await configure(hall, clear=["dj", "poll"])
    assert isinstance(await hall.jukebox.clear(ROOM, hall.member("ben")), Asked)
    assert isinstance(await hall.jukebox.clear(ROOM, hall.member("cyd", dj=True)), Removed)


async def test_an_admin_may_do_everything_from_anywhere(hall: World) -> None:
    cells = {action.value: [] for action in Action if action not in {Action.CONFIGURE, Action.BLOCK, Action.AUDIT}}
    await configure(hall, **cells)
    boss = hall.member("boss", channel=None, admin=True)
    for name in ("pause", "resume", "clear", "shuffle", "leave"):
        await getattr(hall.jukebox, name)(ROOM, boss)
    for name in ("pause", "resume", "clear", "shuffle", "leave"):
        with pytest.raises(ChorusError):
            await getattr(hall.jukebox, name)(ROOM, hall.member("dj", dj=True))


@pytest.mark.parametrize("action", ["configure", "block", "audit"])
async def test_what_is_for_admins_stays_theirs(hall: World, action: str) -> None:
    for roles in (["listener"], ["dj"], ["admin", "dj"], ["poll"]):
        with pytest.raises(NoSuchChoiceError) as refused:
            await configure(hall, **{action: roles})
        assert Role.ADMIN in refused.value.choices
    with pytest.raises(ForbiddenError) as forbidden:
        await hall.jukebox.configure(ROOM, hall.member("ben", dj=True), {f"policy.{action}": "default"})
    assert forbidden.value.needs == "admin"


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("policy.dance", "dj", "policy"),
        ("policy.", "dj", "policy"),
        ("policy.skip", "king", "policy.skip"),
        ("policy.skip", ["dj", 3], "policy.skip"),
        ("policy.pause", "poll", "policy.pause"),
        ("turns", "never", "turns"),
        ("duplicates", 1, "duplicates"),
        ("leavers", None, "leavers"),
        ("guests", "x" * 1000, "guests"),
    ],
)
async def test_an_unknown_choice_names_the_known_ones(hall: World, name: str, value: Any, setting: str) -> None:
    with pytest.raises(NoSuchChoiceError) as refused:
        await hall.jukebox.configure(ROOM, hall.member("boss", admin=True), {name: value})
    assert refused.value.setting == setting
    assert refused.value.choices
    assert len(refused.value.value) <= 100
    assert hall.room.settings == Settings(dj_role=7)


@pytest.mark.parametrize("value", [3, True, {"dj": 1}])
async def test_a_cell_of_the_wrong_kind(hall: World, value: Any) -> None:
    with pytest.raises(NoSuchSettingError):
        await configure(hall, skip=value)


async def test_one_wrong_change_of_several_changes_nothing(hall: World) -> None:
    with pytest.raises(OutOfRangeError):
        await hall.jukebox.configure(
            ROOM, hall.member("boss", admin=True), {"leavers": "park", "max_queue": 10**30, "policy.skip": "dj"}
        )
    assert hall.room.settings == Settings(dj_role=7)
    assert hall.rooms.audits == []


async def test_two_admins_each_change_their_field_and_the_last_one_wins_the_same(hall: World) -> None:
    one, other = hall.member("one", admin=True), hall.member("other", admin=True)
    await hall.jukebox.configure(ROOM, one, {"policy.skip": "dj", "turns": "airtime", "leavers": "park"})
    await hall.jukebox.configure(ROOM, other, {"policy.stop": "dj", "duplicates": "warn", "leavers": "remove"})
    assert hall.room.settings == Settings(
        dj_role=7,
        turns=TurnMeasure.AIRTIME,
        duplicates=Duplicates.WARN,
        leavers=Leavers.REMOVE,
        policy={"skip": ("dj",), "stop": ("dj",)},
    )
    assert [(it.actor, it.before.get("leavers"), it.after["leavers"]) for it in hall.rooms.audits] == [
        ("one", Leavers.KEEP, Leavers.PARK),
        ("other", Leavers.PARK, Leavers.REMOVE),
    ]


async def test_a_cell_for_listeners_is_no_good_to_somebody_elsewhere(hall: World) -> None:
    await configure(hall, loop="listener")
    with pytest.raises(NotListeningError):
        await hall.jukebox.loop(ROOM, hall.member("fay", channel=None), "queue")  # type: ignore[arg-type]


async def test_whoever_is_linked_to_the_requester_is_the_requester(hall: World) -> None:
    entry = max(hall.room.entries)
    with pytest.raises(ForbiddenError):
        await hall.jukebox.remove(ROOM, hall.member("ben"), entry)
    hall.room.same = {PersonId("ben"): PersonId("ann")}
    hall.room.order = None
    assert (await hall.jukebox.remove(ROOM, hall.member("ben"), entry)).count == 1
    assert (await hall.jukebox.skip(ROOM, hall.member("ben"))).done


async def test_modes(hall: World) -> None:
    dj = hall.member("dj", dj=True)
    for mode in Mode:
        changed = await hall.jukebox.set_mode(ROOM, dj, mode.value)
        assert changed == Changed(changed=mode is not Mode.FAIR)
        assert hall.room.mode is mode
    for wrong in ("", "random", "FAIR", "x" * 10_000):
        with pytest.raises(NoSuchChoiceError) as refused:
            await hall.jukebox.set_mode(ROOM, dj, wrong)
        assert refused.value.choices == tuple(Mode)
    assert [it.after for it in hall.rooms.audits if it.action == "mode.changed"] == [
        {"mode": mode} for mode in Mode if mode is not Mode.FAIR
    ]


def test_a_cell_is_kept_in_the_tables_own_order() -> None:
    assert checked_cell("skip", ["poll", "dj", "dj", "requester"]) == ("requester", "dj", "poll")
    assert checked_cell("play", []) == ()


async def test_nobody_undoes_from_another_place_what_they_did_here(guild: World) -> None:
    await guild.voice("ann")
    ann = guild.member("ann")
    await guild.jukebox.add(ROOM, ann, [track("A"), track("B")])
    await guild.jukebox.clear(ROOM, ann)
    with pytest.raises(NoSuchRoomError):
        await guild.jukebox.undo(ROOM, replace(ann, place=PlaceId("discord:2")))
    assert (await guild.jukebox.undo(ROOM, ann)).count == 1
