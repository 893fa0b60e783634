"""What a process knows of plans, and when: a store and tidings that do as they are told."""

import asyncio
from collections.abc import Callable, Collection, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.entitlements import Entitlements
from billing.plans import Plans
from core.entitlements import EVERYBODY, plans_at
from core.records.grants import Entitlement, Span
from core.types import Limits, PlaceId
from tests.fakes import FakeClock
from tests.waiting import until

PLANS = Plans({name: Limits(name, rank=rank) for rank, name in enumerate(("free", "pro", "elite"))}, "free")
PAID = ("pro", "elite")
ANNS, BENS = PlaceId("web:ann"), PlaceId("web:ben")
NOW = 1_000_000


class Store:
    """`core.ports.grants.Entitlements` from a list; `answering` is called before each answer."""

    def __init__(self) -> None:
        self.kept: list[Entitlement] = []
        self.answering: Callable[[], object] = bool
        self.asked = 0

    def put(self, place: PlaceId, version: int, *spans: Span) -> Entitlement:
        one = Entitlement(place, version, spans)
        self.kept = [*(it for it in self.kept if it.place != place), one]
        return one

    async def news(self, since: int) -> Sequence[Entitlement]:
        self.asked += 1
        found = [it for it in self.kept if it.version > since]
        await asyncio.sleep(0)
        self.answering()
        return found


class Tidings:
    """`core.ports.grants.Tidings` that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Entitlement] = []
        self.heard: Callable[[Sequence[Entitlement]], None] | None = None

    def tell(self, news: Sequence[Entitlement]) -> None:
        self.told += news

    async def follow(self, heard: Callable[[Sequence[Entitlement]], None]) -> None:
        self.heard = heard
        await asyncio.Event().wait()


class Process:
    def __init__(self) -> None:
        self.clock, self.store, self.tidings = FakeClock(NOW), Store(), Tidings()
        self.known = Entitlements(self.store, PLANS, self.clock, self.tidings)
        self.changed: list[Collection[PlaceId]] = []

    def plan(self, place: PlaceId) -> str:
        return self.known.limits(place).plan


@pytest.fixture
def process() -> Process:
    return Process()


async def test_a_plan_that_begins_or_ends_while_the_store_answers_is_not_missed(process: Process) -> None:
    process.store.put(ANNS, 1, Span("elite", NOW - 5, NOW + 5), Span("pro", NOW + 5))
    await process.known.refresh()
    assert process.plan(ANNS) == "elite"
    process.store.put(BENS, 2, Span("pro", NOW))
    process.store.answering = lambda: setattr(process.clock, "time", NOW + 10)
    assert {*await process.known.refresh()} == {ANNS, BENS}
    assert (process.plan(ANNS), process.plan(BENS)) == ("pro", "pro")


def due(process: Process, place: PlaceId) -> str:
    """The plan that the store's spans give now."""
    spans = next((it.spans for it in process.store.kept if it.place == place), ())
    return PLANS.highest(plans_at(spans, process.clock.now())).plan


@given(st.data())
def test_everybody_has_what_their_spans_say_however_time_goes(data: st.DataObject) -> None:
    process, places = Process(), [PlaceId(f"web:{number}") for number in range(3)]
    times = st.integers(0, 12).map(lambda it: NOW + it)
    spans = st.lists(st.builds(Span, st.sampled_from(PAID), times, st.none() | times), max_size=3).map(tuple)

    async def live() -> None:
        version, had = 0, dict.fromkeys(places, "free")
        for _ in range(data.draw(st.integers(1, 8))):
            process.clock.time = data.draw(times)
            plans = [due(process, place) for place in places]
            assert [process.plan(place) for place in places] == plans, "before a look"
            for place in data.draw(st.sets(st.sampled_from(places))):
                version += 1
                process.store.put(place, version, *data.draw(spans))
            told = await process.known.refresh()
            for place in places:
                plan = due(process, place)
                assert process.plan(place) == plan
                assert plan == had[place] or place in told, "rooms hear of it"
                had[place] = plan

    asyncio.run(live())


async def test_a_clock_that_is_put_back_foretells_anew(process: Process) -> None:
    process.store.put(ANNS, 1, Span("pro", NOW + 3, NOW + 6))
    process.clock.time = NOW + 8
    await process.known.refresh()
    process.clock.time = NOW
    process.store.put(BENS, 2, Span("elite", 0))
    await process.known.refresh()
    process.clock.time = NOW + 4
    assert process.plan(ANNS) == "pro"
    assert {*await process.known.refresh()} == {ANNS}


async def test_what_is_told_counts_at_once_and_nothing_older_replaces_it(process: Process) -> None:
    process.store.put(ANNS, 1, Span("pro", 0))
    await process.known.refresh()
    old = process.store.put(ANNS, 2)
    reading = asyncio.create_task(process.known.refresh())
    await asyncio.sleep(0)
    new = process.store.put(ANNS, 3, Span("elite", 0))
    process.known.hear([new])
    assert process.plan(ANNS) == "elite"
    assert await reading == set(), "the store answered before"
    process.known.hear([old])
    assert process.plan(ANNS) == "elite"
    assert await process.known.refresh() == set(), "nothing is news twice"


async def test_what_the_store_tells_is_passed_on_but_not_what_was_there_at_the_start(process: Process) -> None:
    process.store.put(ANNS, 1, Span("pro", 0))
    await process.known.refresh()
    assert process.tidings.told == []
    new = process.store.put(BENS, 2, Span("pro", 0))
    await process.known.refresh()
    await process.known.refresh()
    assert process.tidings.told == [new]


async def test_who_hears_tells_its_rooms_and_looks_at_the_store_when_only_that_knows(process: Process) -> None:
    process.store.put(ANNS, 1, Span("pro", 0))
    await process.known.refresh()
    work = [process.known.follow(process.changed.append), process.known.attend()]
    running = [asyncio.create_task(it) for it in work]
    await until(lambda: process.tidings.heard and process.store.asked == 2)
    assert process.tidings.heard
    process.tidings.heard([Entitlement(BENS, 2, (Span("pro", 0),))])
    assert [{*it} for it in process.changed] == [{BENS}]
    process.store.put(ANNS, 3, Span("elite", 0))
    process.tidings.heard(())
    await until(lambda: process.plan(ANNS) == "elite", within=0.25, what="a look before it is time")
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_mistake_does_not_end_the_looks(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    process.store.answering = lambda: int("no number")
    following = asyncio.create_task(process.known.follow(process.changed.append))
    await until(lambda: process.store.asked)
    process.store.answering = bool
    process.store.put(ANNS, 1, Span("pro", 0))
    await until(lambda: process.plan(ANNS) == "pro", within=2)
    assert "plans not read" in capsys.readouterr().out
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.mark.parametrize(
    ("history", "spared"),
    [
        ({"free": 7, "pro": 90, "elite": None}, 20),
        ({"free": 7, "pro": 5, "elite": 90}, 10),
        ({"free": 7, "pro": 7, "elite": 6}, 0),
        ({"free": 7}, 20),
        ({"free": None, "pro": 90, "elite": None}, 0),
    ],
)
async def test_what_everybodys_plan_kept_for_longer_is_spared(
    process: Process, history: dict[str, int | None], spared: int
) -> None:
    """Also that of a plan that the file has no more."""
    plans = Plans({name: Limits(name, history_days=days) for name, days in history.items()}, "free")
    known = Entitlements(process.store, plans, process.clock)
    process.store.put(EVERYBODY, 1, Span("elite", 0, 10), Span("pro", 10, 20), Span("free", 20))
    await known.refresh()
    assert known.spared() == spared
    assert known.strangers() == set()


async def test_what_was_had_once_counts_for_what_is_kept_alone(process: Process) -> None:
    process.store.put(ANNS, 1, Span("pro", 0), Span("elite", 0, 0))
    await process.known.refresh()
    assert process.plan(ANNS) == "pro"
    assert process.known.kept(ANNS).plan == "elite"
    assert process.known.strangers() == set()
