"""One suite for every surface: what people can do does not depend on where they do it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from core.enums import Surface as Kind
from core.types import Actor, Filter, PersonId, Shuffle
from tests.contract import surfaces
from tests.contract.surfaces import Core, Surface
from tests.waiting import until

GENERIC = ("Something went wrong", "That did not work")


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    core = Core(tmp_path / "chorus.db")
    await core.open()
    yield core
    await core.close()


@pytest.fixture(params=["discord", "page", "telegram", "printed"])
async def surface(
    request: pytest.FixtureRequest, core: Core, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Surface]:
    async with AsyncExitStack() as stack:
        surface = await surfaces.surface(request.param, core, stack, monkeypatch)
        await surface.start()
        yield surface
        await surface.stop()


async def here(surface: Surface, count: int) -> None:
    """Wait until so many are there: in the voice channel, on the page, in the chat."""

    async def there() -> bool:
        people = (await surface.core.rooms.read(surface.room)).people.values()
        return len({one.person for one in people if one.left_at is None}) == count

    await until(there, what=f"{count} people")


async def version(surface: Surface) -> int:
    return (await surface.core.view(surface.room)).version


async def test_what_is_added_plays_and_waits_in_turn(surface: Surface) -> None:
    ann, ben = await surface.come("Ann"), await surface.come("Ben")
    assert "Aria" in await ann.add("Aria")
    for title in ("Blues", "Chant"):
        assert title in await ann.add(title)
    assert "Dirge" in await ben.add("Dirge")
    assert await surface.core.on_air(surface.room) == "Aria"
    assert await surface.core.waiting(surface.room) == ["Dirge", "Blues", "Chant"]
    shown = await ben.sees()
    places = [shown.index(title) for title in ("Aria", "Dirge", "Blues", "Chant")]
    assert places == sorted(places)
    assert "Ann" in shown


async def test_a_command_that_arrives_twice_counts_once(surface: Surface) -> None:
    ann = await surface.come("Ann")
    await ann.add("Aria")
    assert "Blues" in await ann.add("Blues", twice=True)
    assert await surface.core.waiting(surface.room) == ["Blues"]


async def test_votes_count_change_and_go(surface: Surface) -> None:
    ann, ben = await surface.come("Ann"), await surface.come("Ben")
    for title in ("Aria", "Blues", "Chant"):
        await ann.add(title)

    async def score(title: str) -> int:
        upcoming = (await surface.core.view(surface.room)).upcoming
        return next(one.why.score for one in upcoming if one.track.title == title)

    await ben.vote("Chant", 1)
    assert await score("Chant") == 1
    assert await surface.core.waiting(surface.room) == ["Chant", "Blues"]
    await ben.vote("Chant", -1)
    assert await score("Chant") == -1
    await ben.vote("Chant", 0)
    assert await score("Chant") == 0
    assert "for the others" in await ann.vote("Chant", 1)
    assert await score("Chant") == 0


async def test_a_skip_is_ones_own_or_asked(surface: Surface) -> None:
    ann, ben, cyd = await surface.come("Ann"), await surface.come("Ben"), await surface.come("Cyd")
    for title in ("Aria", "Blues", "Chant"):
        await ann.add(title)
    await here(surface, 3)
    await ben.skip()
    await ben.skip()
    assert await surface.core.on_air(surface.room) == "Aria"
    assert "1 of 2" in await cyd.sees()
    await cyd.skip()
    assert await surface.core.on_air(surface.room) == "Blues"
    assert "Blues" in await ann.skip()
    assert await surface.core.on_air(surface.room) == "Chant"


async def test_what_nobody_may_do_alone_is_asked(surface: Surface) -> None:
    people = [await surface.come(name) for name in ("Ann", "Ben", "Cyd")]
    for title in ("Aria", "Blues", "Chant", "Dirge"):
        await people[0].add(title)
    await here(surface, 3)
    assert "1 of 2" in await people[0].shuffle()
    assert (await surface.core.rooms.read(surface.room)).shuffle is None
    assert "shuffle the queue" in (await people[2].sees()).lower()
    await people[1].shuffle()
    assert isinstance((await surface.core.rooms.read(surface.room)).shuffle, Shuffle)


async def test_why_tells_whose_turn_and_what_is_ahead(surface: Surface) -> None:
    ann = await surface.come("Ann")
    for title in ("Aria", "Blues", "Chant"):
        await ann.add(title)
    told = await ann.why("Chant")
    assert "Ann" in told
    assert "turn" in told
    assert "1 " in told
    assert "ahead" in told
    assert "not waiting any more" in await ann.why("Fugue")


async def test_settings_hold_here_too(surface: Surface) -> None:
    ann = await surface.come("Ann")
    await ann.add("Aria")
    await surface.core.configure(surface, max_entries_per_person=1)
    await ann.add("Blues")
    assert "1" in await ann.add("Chant")
    assert await surface.core.waiting(surface.room) == ["Blues"]
    await surface.core.configure(surface, max_entries_per_person=2)
    assert "Chant" in await ann.add("Chant")
    assert await surface.core.waiting(surface.room) == ["Blues", "Chant"]


async def test_refusals_say_why_and_change_nothing(surface: Surface) -> None:
    ann, ben = await surface.come("Ann"), await surface.come("Ben")
    for title in ("Aria", "Blues"):
        await ann.add(title)
    before, waiting = await version(surface), await surface.core.waiting(surface.room)
    refusals = [
        await ben.add("no such thing at all"),
        await ben.add("   "),
        await ann.vote("Blues", 1),
        await ben.vote("Fugue", 1),
        await ben.remove("Blues"),
        await ben.remove("Fugue"),
        await ben.undo(),
        await ben.why("Fugue"),
    ]
    for text in refusals:
        assert text.strip()
        assert not text.startswith(GENERIC)
    assert len(set(refusals)) >= 5
    assert await surface.core.waiting(surface.room) == waiting
    assert {one.why.score for one in (await surface.core.view(surface.room)).upcoming} == {0}
    assert await version(surface) - before <= 2  # presence at most: who posts is there


async def test_what_was_removed_comes_back(surface: Surface) -> None:
    ann, ben = await surface.come("Ann"), await surface.come("Ben")
    for title in ("Aria", "Blues", "Chant"):
        await ann.add(title)
    await ben.vote("Blues", 1)
    assert "Blues" in await ann.remove("Blues")
    assert await surface.core.waiting(surface.room) == ["Chant"]
    assert "Blues" in await ann.undo()
    assert await surface.core.waiting(surface.room) == ["Blues", "Chant"]
    assert (await surface.core.view(surface.room)).upcoming[0].why.score == 1


async def test_a_restart_loses_nothing(surface: Surface) -> None:
    ann, ben, cyd = await surface.come("Ann"), await surface.come("Ben"), await surface.come("Cyd")
    for title in ("Aria", "Blues", "Chant"):
        await ann.add(title)
    await here(surface, 3)
    await ben.vote("Chant", 1)
    await ben.skip()
    waiting, shown = await surface.core.waiting(surface.room), (await surface.core.view(surface.room)).polls
    await surface.stop()
    await surface.core.close()
    await surface.core.open()
    await surface.start()
    await here(surface, 3)
    assert await surface.core.on_air(surface.room) == "Aria"
    assert await surface.core.waiting(surface.room) == waiting == ["Chant", "Blues"]
    assert [one.kind for one in (await surface.core.view(surface.room)).polls] == [one.kind for one in shown]
    surface.core.clock.move(10_000)
    await cyd.skip()
    assert await surface.core.on_air(surface.room) == "Chant"


async def test_what_changes_the_sound_is_seen_and_outlives_a_restart(surface: Surface) -> None:
    ann = await surface.come("Ann")
    await ann.add("Aria")
    dj = Actor(PersonId("dj"), "Dee", surface.place, Kind.SYSTEM, dj=True)
    await surface.core.jukebox.set_filter(surface.room, dj, "nightcore")
    await surface.core.jukebox.set_crossfade(surface.room, dj, 2_500)
    for _ in range(2):
        shown = (await ann.sees()).casefold()
        assert "nightcore" in shown
        assert "crossfade 2.5 s" in shown
        await surface.stop()
        await surface.core.close()
        await surface.core.open()
        await surface.start()
    assert (await surface.core.view(surface.room)).filter == Filter("nightcore")
