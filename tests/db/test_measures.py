"""What is known of how loud tracks are."""

from core.records.measures import POINTS, Measure
from core.types import TrackRef
from db.engine import Database
from db.measures import SqlMeasures

SONG = TrackRef("library:a")


async def test_a_measure_is_kept_and_replaced(database: Database) -> None:
    measures = SqlMeasures(database)
    assert await measures.get(SONG) is None
    await measures.put(Measure(SONG, None, None))
    whole = Measure(SONG, -14.25, -0.5, opus=True, whole=True, stamp="1:2", waveform=bytes(range(200)) * 2)
    await measures.put(whole)
    assert await measures.get(SONG) == whole
    assert len(whole.waveform) == POINTS


async def test_stamps_are_those_of_whole_measures_of_a_kind(database: Database) -> None:
    measures = SqlMeasures(database)
    for ref in ("library:a", "library:b", "libraryx:c", "upload:d"):
        await measures.put(Measure(TrackRef(ref), -14.0, -1.0, whole=ref != "library:b", stamp=ref))
    assert await measures.stamps("library") == {SONG: "library:a"}
