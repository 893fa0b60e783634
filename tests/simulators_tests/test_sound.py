"""The ears of the other tests are tested themselves."""

from pathlib import Path

import av
import mutagen
import numpy as np
import pytest

from tests import sound


@pytest.mark.parametrize("hz", [220, 440, 997, 3000])
def test_a_tone_survives_opus(hz: int) -> None:
    packets = sound.opus_packets(sound.tone(hz, 1.0, db=-12))
    heard = sound.decode(packets)

    assert len(packets) == 50
    assert sound.frequency(heard[9600:14400]) == pytest.approx(hz, abs=1.5)
    assert sound.frequency(heard[9600:10560]) == pytest.approx(hz, rel=0.01)
    assert sound.level(heard[9600:14400]) == pytest.approx(-12, abs=0.5)


def test_tones_are_segmented() -> None:
    silence = np.zeros((24_000, 2), np.float32)
    samples = np.concatenate([sound.tone(440, 1.0), silence, sound.tone(880, 0.5), sound.tone(660, 0.3)])

    heard = sound.tones(sound.opus_packets(samples))

    assert [round(t.hz, -1) for t in heard] == [440, 880, 660]
    assert [t.start for t in heard] == pytest.approx([0, 1.5, 2.0], abs=0.05)
    assert [t.length for t in heard] == pytest.approx([1.0, 0.5, 0.3], abs=0.06)


def test_silence_packets_are_silent() -> None:
    assert sound.tones([sound.SILENCE_PACKET] * 50) == []
    assert sound.level(sound.decode([sound.SILENCE_PACKET] * 5)) < -100
    assert sound.tones([]) == []


def test_gaps_are_found_on_arrival_times() -> None:
    times = [0.0, 0.02, 0.04, 0.5, 0.52]
    assert sound.gaps(times) == [pytest.approx((0.04, 0.46))]
    assert sound.gaps(times[:3]) == []


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a"])
def test_files_hold_their_tone(tmp_path: Path, suffix: str) -> None:
    tags = {"title": "A tone"} if suffix != ".wav" else None
    path = sound.write_tone(tmp_path / f"tone{suffix}", 523, 1.5, tags=tags)
    resampler = av.AudioResampler("flt", "stereo", sound.RATE)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray().reshape(-1, 2).astype(np.float32) for frame in frames])

    assert len(samples) / sound.RATE == pytest.approx(1.5, abs=0.1)
    assert sound.frequency(samples[24_000:48_000]) == pytest.approx(523, abs=1)
    if suffix != ".wav":
        tagged = mutagen.File(path, easy=True)
        assert tagged is not None
        assert tagged["title"] == ["A tone"]


def test_ogg_pages_are_taken_apart(tmp_path: Path) -> None:
    data = sound.write_tone(tmp_path / "tone.opus", 440, 2.0).read_bytes()
    pages = sound.ogg_pages(data)

    assert pages[0].first
    assert pages[-1].last
    assert len({page.serial for page in pages}) == 1
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert len(sound.ogg_pages(data[:-1])) == len(pages) - 1
    [heard] = sound.tones(sound.opus_of_ogg(data))
    assert heard.hz == pytest.approx(440, abs=2)
    assert heard.length == pytest.approx(2.0, abs=0.06)


def test_a_damaged_ogg_page_is_refused(tmp_path: Path) -> None:
    data = bytearray(sound.write_tone(tmp_path / "tone.opus", 440, 1.0).read_bytes())
    data[-1] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        sound.ogg_pages(bytes(data))
