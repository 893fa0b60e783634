"""Measuring tracks: the meter, the tags, the child process and the job."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import psutil
import pytest

from audio.gauge import Request
from audio.gauge_answer import answer
from audio.gauge_child import ROOT, GaugeChild, GaugeError, GaugeTimeoutError
from audio.loudness import Levels
from audio.loudness_tags import tagged
from audio.measuring import Measuring
from audio.meter import Meter
from core.errors import StoreUnavailableError
from core.records.measures import POINTS, Measure
from core.types import RoomId, Track, TrackRef
from tests.audio.music import loudness, programme, true_peak
from tests.audio.rig import HostMedia
from tests.contract.media_host import MediaHost
from tests.fakes import FakeMeasures
from tests.sound import Samples, tone, write_sound, write_tone
from tests.waiting import until

ROOM = RoomId("r")


def measured(path: Path) -> Meter:
    meter = Meter()
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            meter.feed(frame)
    meter.finish()
    return meter


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"])
def test_what_is_measured_is_what_is_heard(tmp_path: Path, suffix: str) -> None:
    sound = programme(-14, 12)
    meter = measured(write_sound(tmp_path / f"a{suffix}", sound))
    lossless = suffix in {".wav", ".flac"}  # the others lose some of the noise
    assert meter.loudness == pytest.approx(-14, abs=0.1 if lossless else 0.7)
    assert meter.peak == pytest.approx(true_peak(sound), abs=0.1 if lossless else 1.5)


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (44_100, 1), (8_000, 1), (96_000, 2), (48_000, 6)])
def test_a_tone_is_as_loud_at_any_rate_and_on_one_channel_or_six_as_on_two(
    tmp_path: Path, rate: int, channels: int
) -> None:
    meter = measured(write_tone(tmp_path / "a.wav", 440, 5, db=-20, rate=rate, channels=channels))
    assert meter.loudness == pytest.approx(loudness(tone(440, 5, db=-20)), abs=0.1)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    meter = measured(write_sound(tmp_path / "a.wav", np.zeros((96_000, 2), np.float32)))
    assert (meter.loudness, meter.peak, meter.waveform) == (None, None, bytes(POINTS))


def test_a_waveform_shows_where_it_is_loud(tmp_path: Path) -> None:
    quiet, loud = tone(440, 3, db=-40), tone(440, 1, db=-9.03)
    points = measured(write_sound(tmp_path / "a.wav", np.concatenate([quiet, loud]))).waveform
    assert len(points) == POINTS
    assert max(points[:298]) == pytest.approx(255 * 10 ** (-37 / 20), abs=1)
    assert min(points[302:]) == pytest.approx(255 * 0.5, abs=2)


def test_a_waveform_of_a_long_track_shows_each_peak(tmp_path: Path) -> None:
    """A click on one side is seen where it is, and nowhere else."""
    samples = np.zeros((40 * 48_000, 2), np.float32)
    for second, side, height in ((10, 0, 0.5), (30, 1, -0.8)):
        samples[second * 48_000 + 700, side] = height
    points = measured(write_sound(tmp_path / "a.wav", samples)).waveform
    assert len(points) == POINTS
    assert points[100] == pytest.approx(255 * 0.5, abs=2)
    assert points[300] == pytest.approx(255 * 0.8, abs=2)
    assert max(points[:99] + points[102:299] + points[302:]) < 3


@pytest.mark.parametrize("seconds", [0.15, 0.3, 1.0])
def test_a_short_track_has_a_whole_waveform(tmp_path: Path, seconds: float) -> None:
    points = measured(write_tone(tmp_path / "a.wav", 440, seconds)).waveform
    assert len(points) == POINTS
    assert points[0] == points[1] > 0


def test_a_track_that_changes_its_format_is_measured_as_one(tmp_path: Path) -> None:
    sound = programme(-20, 6)
    paths = [write_sound(tmp_path / f"{part}.wav", sound[::part], rate=48_000 // part) for part in (1, 2)]
    meter = Meter()
    for path in paths:
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                meter.feed(frame)
    meter.finish()
    assert meter.loudness == pytest.approx(-20, abs=0.7)
    assert meter.waveform[390] > 0


# Tags


@pytest.mark.parametrize(
    ("suffix", "tags", "expected"),
    [
        (".mp3", {"replaygain_track_gain": "-6.50 dB", "replaygain_track_peak": "0.5"}, (-11.5, -6.02)),
        (".flac", {"REPLAYGAIN_TRACK_GAIN": "+3.2 dB"}, (-21.2, None)),
        (".opus", {"R128_TRACK_GAIN": "-1280"}, (-18.0, None)),
    ],
)
def test_tags_tell_the_loudness(
    tmp_path: Path, suffix: str, tags: dict[str, str], expected: tuple[float, float | None]
) -> None:
    path = write_tone(tmp_path / f"a{suffix}", 440, 2, tags={"title": "x"} if suffix == ".mp3" else tags)
    if suffix == ".mp3":
        _put_id3(path, tags)
    found = tagged(path)
    assert found is not None
    assert found[0] == pytest.approx(expected[0])
    assert found[1] == (None if expected[1] is None else pytest.approx(expected[1], abs=0.01))
    assert found[2] is (suffix == ".opus")


def _put_id3(path: Path, tags: dict[str, str]) -> None:
    from mutagen.id3 import ID3, TXXX

    file = ID3(path)
    for name, value in tags.items():
        file.add(TXXX(desc=name, text=[value]))
    file.save()


@pytest.mark.parametrize("value", ["", "loud", "-900 dB", "nan"])
def test_a_tag_that_cannot_be_is_not_believed(tmp_path: Path, value: str) -> None:
    assert tagged(write_tone(tmp_path / "a.flac", 440, 1, tags={"REPLAYGAIN_TRACK_GAIN": value})) is None


# The child process


def test_a_quick_look_is_near_and_says_that_it_is_not_all(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.flac", np.concatenate([tone(440, 6, db=-50), programme(-12, 30)]))
    quick, whole = answer(Request(str(path), quick=True)), answer(Request(str(path)))
    assert not quick["whole"]
    assert not quick["waveform"]
    assert whole["whole"]
    assert quick["loudness"] == pytest.approx(whole["loudness"], abs=2)


def test_of_several_streams_the_one_that_is_played_is_measured(tmp_path: Path) -> None:
    inputs = [f"-i {write_tone(tmp_path / name, 440, 2, db=db)}" for name, db in (("a.wav", -30), ("b.wav", -20))]
    how = "-map 0 -map 1 -c copy -disposition:a:0 0 -disposition:a:1 default"
    command = f"ffmpeg -v error {' '.join(inputs)} {how} {tmp_path / 'both.mka'}"
    subprocess.run(command.split(), check=True, timeout=60)
    assert answer(Request(str(tmp_path / "both.mka")))["loudness"] == pytest.approx(-17.7, abs=0.2)


def test_opus_is_known_by_its_head(tmp_path: Path) -> None:
    assert answer(Request(str(write_tone(tmp_path / "a.opus", 440, 1))))["opus"] is True
    assert answer(Request(str(write_tone(tmp_path / "a.ogg", 440, 1))))["opus"] is False


def _bad(folder: Path) -> dict[str, Path]:
    files = {
        "empty.mp3": b"",
        "noise.flac": b"nothing to be heard" * 900,
        "list.m3u8": b"#EXTM3U\nfile:///etc/passwd\n",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in (*files, "gone.wav")}


async def test_what_cannot_be_measured_is_an_error_and_the_child_goes_on(tmp_path: Path) -> None:
    child = GaugeChild()
    try:
        for path in _bad(tmp_path).values():
            with pytest.raises(GaugeError):
                await child.ask(Request(str(path)), within=10)
        pid = child.pid
        good = await child.ask(Request(str(write_tone(tmp_path / "a.wav", 440, 1))), within=10)
        assert good["loudness"] == pytest.approx(-9.7, abs=0.2)
        assert child.pid == pid
    finally:
        await child.end()


async def test_the_child_gives_way_to_everything_and_has_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    child = GaugeChild()
    try:
        await child.ask(Request(str(write_tone(tmp_path / "a.wav", 440, 1))), within=10)
        process = psutil.Process(child.pid)
        assert process.nice() == 19
        assert "DISCORD_TOKEN" not in process.environ()
    finally:
        await child.end()
    assert not psutil.pid_exists(process.pid)


async def test_a_track_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    child = GaugeChild()
    long = write_tone(tmp_path / "a.wav", 440, 300)
    with pytest.raises(GaugeError, match="timeout"):
        await child.ask(Request(str(long)), within=0.2)
    assert child.pid is None


def test_the_child_ends_at_once_when_its_parent_is_killed(tmp_path: Path) -> None:
    """A parent that is killed while a long track is being measured."""
    long = write_tone(tmp_path / "a.wav", 440, 300)
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'audio.gauge'], stdin=subprocess.PIPE)\n"
        f"child.stdin.write({Request(str(long)).line!r}); child.stdin.flush()\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            child.wait(20)


# The job


class Shelf:
    """A library of files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def add(self, name: str, sound: Samples) -> Track:
        path = write_sound(self.folder / name, sound)
        return Track(TrackRef(f"library:{path.name}"), name, length=len(sound) // 48)

    async def path(self, ref: TrackRef) -> Path | None:
        self.asked.append(ref)
        path = self.folder / ref.removeprefix("library:")
        return path if path.exists() else None

    async def stamps(self) -> Mapping[TrackRef, str]:
        found = sorted(self.folder.glob("*.wav"))
        return {TrackRef(f"library:{it.name}"): f"{it.stat().st_mtime_ns}:{it.stat().st_size}" for it in found}


class Nowhere:
    async def path(self, ref: TrackRef) -> Path | None:
        return None


class Job:
    """The job over a folder, with what it told."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.shelf = Shelf(folder)
        self.measures = FakeMeasures()
        self.media = HostMedia()
        self.restart()

    def restart(self) -> None:
        self.levels = Levels(self.measures)
        self.told: list[RoomId] = []
        self.levels.told = self.told.append
        self.job = Measuring(self.levels, self.measures, self.shelf, Nowhere(), self.media)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.job.run())
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def whole(self, track: Track) -> Measure | None:
        found = self.measures.rows.get(track.ref)
        return found if found is not None and found.whole else None


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "music")


async def test_a_wanted_track_is_measured_and_its_room_told(job: Job) -> None:
    song = job.shelf.add("a.wav", programme(-20, 30))
    job.levels.want(ROOM, (song,))
    async with job.running():
        await until(lambda: job.whole(song), within=20)
    assert job.told == [ROOM, ROOM]  # a sample, then all of it
    found = job.measures.rows[song.ref]
    assert found.loudness == pytest.approx(-20, abs=0.1)
    assert len(found.waveform) == POINTS
    assert await job.levels.look(song.ref) == found
    assert await job.levels.waveform(song.ref) == found.waveform


async def test_what_is_played_soonest_is_measured_first_and_the_library_last(job: Job) -> None:
    songs = [job.shelf.add(f"{name}.wav", programme(-20, 10)) for name in "abcde"]
    job.levels.want(ROOM, (songs[3], songs[4]))
    job.levels.want(RoomId("s"), (songs[2],))
    await job.job.survey()
    async with job.running():
        await until(lambda: all(job.whole(song) for song in songs), within=30)
    order = [ref[-5] for ref in job.shelf.asked]
    assert order == [*"dce", *"dce", *"ab"]


async def test_somebodys_track_breaks_off_one_that_can_wait(job: Job) -> None:
    long = job.shelf.add("long.wav", tone(440, 400))
    song = job.shelf.add("song.wav", programme(-20, 6))
    await job.job.survey()
    async with job.running():
        await until(lambda: job.shelf.asked == [long.ref], within=10)
        job.levels.want(ROOM, (song,))
        await until(lambda: song.ref in job.measures.rows, within=8)
        assert long.ref not in job.measures.rows
        await until(lambda: job.shelf.asked[-1] == long.ref, within=10)


async def test_after_a_restart_it_goes_on_where_it_was(job: Job) -> None:
    first = job.shelf.add("a.wav", programme(-20, 6))
    await job.job.survey()
    async with job.running():
        await until(lambda: job.whole(first), within=20)
    second = job.shelf.add("b.wav", programme(-22, 6))
    job.restart()
    job.shelf.asked.clear()
    await job.job.survey()
    async with job.running():
        await until(lambda: job.whole(second), within=20)
    assert job.shelf.asked == [second.ref]


async def test_a_file_that_changed_is_measured_anew(job: Job) -> None:
    song = job.shelf.add("a.wav", programme(-20, 6))
    await job.job.survey()
    async with job.running():
        await until(lambda: job.whole(song), within=20)
        job.shelf.add("a.wav", programme(-30, 7))
        await job.job.survey()
        await until(lambda: (found := job.whole(song)) and (found.loudness or 0) < -29, within=20)


async def test_what_cannot_be_measured_is_tried_once_and_holds_up_nothing(job: Job) -> None:
    bad = job.shelf.add("a.wav", tone(440, 1))
    (job.shelf.folder / "a.wav").write_bytes(b"nothing")
    gone, live = Track(TrackRef("upload:x"), "gone"), Track(TrackRef("node:youtube:x"), "elsewhere", length=1)
    song = job.shelf.add("b.wav", programme(-20, 6))
    job.levels.want(ROOM, (bad, gone, live, song))
    await job.job.survey()
    async with job.running():
        await until(lambda: job.whole(song), within=20)
    assert job.shelf.asked.count(bad.ref) <= 2
    assert set(job.measures.rows) == {song.ref}


async def test_what_could_not_be_measured_is_tried_again_after_a_while(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.measuring.AGAIN", 0.2)
    song = job.shelf.add("a.wav", tone(440, 1))
    (job.shelf.folder / "a.wav").write_bytes(b"nothing")
    job.levels.want(ROOM, (song,))
    async with job.running():
        await until(lambda: job.job._hopeless, within=20)
        job.shelf.add("a.wav", programme(-20, 6))
        await until(lambda: job.levels.changed.set() or job.whole(song), within=20)


async def test_a_library_that_fails_holds_up_no_other_track(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    strange, song = (job.shelf.add(name, programme(-20, 6)) for name in ("a.wav", "b.wav"))
    path, asked = job.shelf.path, list[TrackRef]()

    async def failing(ref: TrackRef) -> Path | None:
        asked.append(ref)
        if ref == strange.ref:
            raise RuntimeError("disk")
        return await path(ref)

    monkeypatch.setattr(job.shelf, "path", failing)
    job.levels.want(ROOM, (strange, song))
    async with job.running():
        await until(lambda: job.whole(song), within=20)
    assert asked.count(strange.ref) == 1


def segmented(folder: Path, kind: str) -> None:
    write_sound(folder / "whole.wav", programme(-25, 40))
    command = f"ffmpeg -v error -i whole.wav -c:a aac -b:a 192k -f hls -hls_time 4 -hls_list_size 0 {kind} list.m3u8"
    subprocess.run(command.split(), check=True, timeout=60, cwd=folder)


@pytest.mark.parametrize("kind", ["-hls_segment_type mpegts", "-hls_segment_type fmp4"])
async def test_a_stream_in_segments_is_measured(job: Job, tmp_path: Path, kind: str) -> None:
    await asyncio.to_thread(segmented, tmp_path, kind)
    song = Track(TrackRef("url:/files/list.m3u8"), "list", length=40_000)
    async with MediaHost(tmp_path) as job.media.host, job.running():
        job.levels.want(ROOM, (song,))
        await until(lambda: job.whole(song), within=20)
    assert job.measures.rows[song.ref].loudness == pytest.approx(-25, abs=0.7)


async def test_segments_elsewhere_are_not_asked_for(job: Job, tmp_path: Path) -> None:
    async with MediaHost(tmp_path) as job.media.host, job.running():
        elsewhere = job.media.host.tone(440, 2).replace("127.0.0.1", "localhost")
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "#EXTINF:2,", elsewhere, "#EXT-X-ENDLIST", ""]
        (tmp_path / "list.m3u8").write_text("\n".join(lines))
        song = Track(TrackRef("url:/files/list.m3u8"), "list", length=2_000)
        job.levels.want(ROOM, (song,))
        await until(lambda: song.ref in job.job._hopeless, within=20)
        assert job.media.host.requests == []


async def test_a_foreign_track_is_measured_over_the_media_address(job: Job, tmp_path: Path) -> None:
    for name in ("a.flac", "b.m4a"):
        write_sound(tmp_path / name, programme(-25, 40))
    songs = [Track(TrackRef(f"url:/files/{name}"), name, length=40_000) for name in ("a.flac", "b.m4a")]
    async with MediaHost(tmp_path) as job.media.host:
        job.levels.want(ROOM, tuple(songs))
        async with job.running():
            await until(lambda: all(job.whole(song) for song in songs), within=20)
    for song in songs:
        assert job.measures.rows[song.ref].loudness == pytest.approx(-25, abs=0.5)


async def test_a_live_source_gets_a_sample_and_holds_up_nobody(job: Job, tmp_path: Path) -> None:
    write_sound(tmp_path / "live.mp3", programme(-24, 30))
    station = Track(TrackRef("url:/files/live.mp3"), "station")
    song = job.shelf.add("a.wav", programme(-20, 6))
    async with MediaHost(tmp_path) as job.media.host:
        job.levels.want(ROOM, (station, song))
        async with job.running():
            await until(lambda: job.whole(song) and station.ref in job.measures.rows, within=20)
    assert not job.measures.rows[station.ref].whole
    assert job.measures.rows[station.ref].loudness == pytest.approx(-24, abs=2)
    assert list(job.measures.rows) == [song.ref, station.ref]


async def test_a_source_that_hangs_is_given_up(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = Track(TrackRef("url:/hang"), "hang", length=40_000)
    first, song = (job.shelf.add(name, programme(-20, 6)) for name in ("a.wav", "b.wav"))
    async with MediaHost(tmp_path) as job.media.host, job.running():
        job.levels.want(ROOM, (first,))
        await until(lambda: job.whole(first), within=30)
        began = time.monotonic()
        job.levels.want(ROOM, (song,))
        await until(lambda: job.whole(song), within=30)
        patience = max(1.0, 4 * (time.monotonic() - began))  # by what this machine can do now
        monkeypatch.setattr("audio.measuring.QUICK", patience)
        monkeypatch.setattr("audio.measuring.WHOLE", 1.5 * patience)
        last = job.shelf.add("c.wav", programme(-20, 6))
        job.levels.want(ROOM, (hanging, last))
        await until(lambda: job.whole(last), within=30)
        await until(lambda: len(job.media.host.requests) == 2, within=30)  # once more, when there is time
    assert hanging.ref not in job.measures.rows


class Loaded:
    """A child that looks at once, and needs for ever, or longer than it has, for the whole of a track."""

    def __init__(self, *, late: bool) -> None:
        self.asked: list[Request] = []
        self.late = late

    async def ask(self, request: Request, *, within: float) -> dict[str, Any]:
        self.asked.append(request)
        if request.quick or request.path:
            return {"loudness": -20.0, "peak": -3.0, "opus": False, "whole": not request.quick, "waveform": ""}
        if not self.late:
            await asyncio.Event().wait()
        raise GaugeTimeoutError

    async def rest(self) -> None:
        """Nothing to do."""

    async def end(self) -> None:
        """Nothing to do."""


@pytest.mark.parametrize("late", [False, True], ids=["broken off", "too slow"])
async def test_what_was_fetched_in_vain_is_not_fetched_again_at_once(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    monkeypatch.setattr("audio.measuring.PATIENCE", 0.01)
    child = Loaded(late=late)
    job.job._child = cast("Any", child)
    long = Track(TrackRef("url:/files/long.flac"), "long", length=3_000_000)
    songs = [job.shelf.add(name, programme(-20, 6)) for name in ("a.wav", "b.wav")]
    job.levels.want(ROOM, (long,))
    async with MediaHost(tmp_path) as job.media.host, job.running():
        await until(lambda: len(child.asked) == 2, what="a sample, then all of it")
        for song in songs:
            job.levels.want(ROOM, (long, song))
            await until(lambda song=song: job.whole(song))
    assert [request.quick for request in child.asked if request.url] == [True, False]


async def test_a_store_that_is_away_stops_nothing(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailableError

    for name in ("get", "put", "stamps"):
        monkeypatch.setattr(job.measures, name, away)
    song = job.shelf.add("a.wav", programme(-20, 6))
    job.levels.want(ROOM, (song,))
    await job.job.survey()
    async with job.running():
        await until(lambda: len(job.told) == 2, within=20)
    found = await job.levels.look(song.ref)
    assert found is not None
    assert found.whole


def test_requests_are_lines_whatever_a_file_is_called() -> None:
    name = os.fsdecode(b"/a\xff\nb")
    line = Request(name).line
    assert line.count(b"\n") == 1
    assert Request(**json.loads(line)).path == name
