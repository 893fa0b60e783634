"""What admins decide: the blocklist, and reading who changed what."""

from typing import Any

import pytest

from core.enums import BlockKind
from core.errors import (
    BlockedError,
    ForbiddenError,
    NoSuchEntryError,
    NothingFoundError,
    OutOfRangeError,
    TooManyLinesError,
)
from core.records.results import Changed
from core.types import Block, EntryId, Settings
from tests.core.conftest import GUILD, ROOM, World
from tests.fakes import track


@pytest.fixture
async def hall(guild: World) -> World:
    """A on air, B and C of a band and D of another waiting."""
    tracks = [track("A"), *(track(title, artist="The Band") for title in "BC"), track("D dance", artist="Else")]
    await guild.jukebox.add(ROOM, guild.member("ann"), tracks)
    return guild


async def block(world: World, kind: BlockKind, value: Any) -> Changed:
    return await world.jukebox.block(ROOM, world.member("boss", channel=None, admin=True), kind, value)


async def test_what_is_blocked_leaves_the_queue_and_does_not_come_again(hall: World) -> None:
    (_, entry, _) = hall.room.entries
    assert await block(hall, BlockKind.ARTIST, entry) == Changed(changed=True, value=2)
    assert await hall.waiting() == ["D dance"]
    assert hall.room.settings.blocks == (Block(BlockKind.ARTIST, "the band"),)
    with pytest.raises(BlockedError) as refused:
        await hall.jukebox.add(ROOM, hall.member("ben"), [track("E", artist="THE  BAND")])
    assert (refused.value.kind, refused.value.value) == ("artist", "the band")
    assert await block(hall, BlockKind.ARTIST, " The Band ") == Changed(changed=False, value=0)
    boss = hall.member("boss", admin=True)
    assert await hall.jukebox.unblock(ROOM, boss, BlockKind.ARTIST, "THE BAND") == Changed(changed=True)
    assert await hall.jukebox.unblock(ROOM, boss, BlockKind.ARTIST, "THE BAND") == Changed(changed=False)
    assert (await hall.jukebox.add(ROOM, hall.member("ben"), [track("E", artist="The Band")])).blocked == 0
    assert [(it.action, it.before, it.after) for it in hall.rooms.audits] == [
        ("block.added", {}, {"artist": "the band"}),
        ("block.removed", {"artist": "the band"}, {}),
    ]


async def test_blocking_what_is_locked_names_another(hall: World) -> None:
    locked = await hall.reports.lock_next(ROOM)
    assert locked
    await block(hall, BlockKind.TRACK, locked)
    assert hall.room.locked not in {None, locked}


async def test_a_word_of_what_is_on_air_leaves_it_on_air(hall: World) -> None:
    assert hall.room.current
    await block(hall, BlockKind.WORD, hall.room.current.entry.id)
    assert hall.on_air == "A"
    assert await block(hall, BlockKind.WORD, "Dance") == Changed(changed=True, value=1)


async def test_what_cannot_be_blocked(hall: World) -> None:
    for kind, value in ((BlockKind.WORD, "  "), (BlockKind.DOMAIN, "//"), (BlockKind.ARTIST, "")):
        with pytest.raises(NothingFoundError):
            await block(hall, kind, value)
    for wrong in (EntryId(99), EntryId(-1), EntryId(10**30)):
        with pytest.raises(NoSuchEntryError):
            await block(hall, BlockKind.TRACK, wrong)
    hall.room.settings = Settings(blocks=tuple(Block(BlockKind.WORD, f"w{number}") for number in range(500)))
    with pytest.raises(TooManyLinesError) as full:
        await block(hall, BlockKind.WORD, "dance")
    assert full.value.limit == 500
    assert await block(hall, BlockKind.WORD, "w7") == Changed(changed=False, value=0)


async def test_the_audit_is_read_page_by_page(hall: World) -> None:
    boss = hall.member("boss", admin=True)
    for number in range(1, 8):
        await hall.jukebox.configure(ROOM, boss, {"max_queue": number})
    seen, before = list[int](), None
    while page := await hall.jukebox.audit(ROOM, boss, before=before, size=3):
        assert all(it.audit.place == GUILD for it in page)
        seen += [it.audit.after["max_queue"] for it in page]
        before = page[-1].id
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    for wrong in (0, -1, 101, 10**30):
        with pytest.raises(OutOfRangeError):
            await hall.jukebox.audit(ROOM, boss, size=wrong)


async def test_nobody_else_reads_or_changes_them(hall: World) -> None:
    dj = hall.member("dj", dj=True)
    for attempt in (
        hall.jukebox.audit(ROOM, dj),
        hall.jukebox.block(ROOM, dj, BlockKind.WORD, "x"),
        hall.jukebox.unblock(ROOM, dj, BlockKind.WORD, "x"),
        hall.jukebox.configure(ROOM, dj, {"idle": 60_000}),
    ):
        with pytest.raises(ForbiddenError) as refused:
            await attempt
        assert refused.value.needs == "admin"
