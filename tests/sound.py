"""Sound that tests make and hear: tone files, Opus packets, Ogg pages, pitches, levels and gaps.

Samples are float32 arrays shaped (samples,) or (samples, channels), full scale 1.0, at 48 kHz.
Times are seconds, levels dBFS of the RMS (a full-scale sine is -3.01).
"""

import itertools
import struct
import wave
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import mutagen
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
FRAME = 960  # samples of one 20 ms Opus packet
FRAME_SECONDS = FRAME / RATE
SILENCE_PACKET = b"\xf8\xff\xfe"
SILENCE_DB = -60.0
CODECS = {".mp3": "libmp3lame", ".flac": "flac", ".ogg": "vorbis", ".opus": "libopus", ".m4a": "aac"}

Samples = NDArray[np.float32]


class Tone(NamedTuple):
    """A stretch of one steady pitch."""

    hz: float
    start: float
    length: float


class Gap(NamedTuple):
    """A pause between two arrivals that was longer than it should be."""

    start: float
    length: float


def tone(hz: float, seconds: float, *, db: float = -12.0, rate: int = RATE, channels: int = 2) -> Samples:
    """A sine of (samples, channels) whose RMS level is `db`."""
    amplitude = 10 ** (db / 20) * np.sqrt(2)
    wave_form = amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave_form.astype(np.float32)[:, None], channels, axis=1)


def write_tone(
    path: Path | str,
    hz: float,
    seconds: float,
    *,
    db: float = -12.0,
    rate: int = RATE,
    channels: int = 2,
    tags: Mapping[str, str] | None = None,
) -> Path:
    """Write a tone in the format of the suffix (see CODECS; .wav), with tags such as title and artist."""
    return write_sound(path, tone(hz, seconds, db=db, rate=rate, channels=channels), rate=rate, tags=tags)


def write_sound(path: Path | str, samples: Samples, *, rate: int = RATE, tags: Mapping[str, str] | None = None) -> Path:
    """Write samples of (samples, channels) as the file's suffix says; a .wav takes no tags."""
    path = Path(path)
    write = _write_wav if path.suffix == ".wav" else _write_encoded
    write(path, (np.clip(samples, -1, 1) * 32767).astype(np.int16), rate)
    if tags:
        _tag(path, tags)
    return path


def _write_wav(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def _write_encoded(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    layout = "stereo" if samples.shape[1] == 2 else "mono"
    options = {"strict": "experimental"}  # FFmpeg's own Vorbis encoder
    with av.open(str(path), "w") as container:
        stream = cast("Any", container.add_stream(CODECS[path.suffix], rate=rate, options=options))
        stream.codec_context.layout = layout
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


def _tag(path: Path, tags: Mapping[str, str]) -> None:
    file = cast("Any", mutagen).File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    for name, value in tags.items():
        file[name] = value
    file.save()


def opus_packets(samples: Samples, *, bit_rate: int = 128_000) -> list[bytes]:
    """Encode samples of (samples, 2) into 20 ms Opus packets, the last one padded with silence."""
    encoder = cast("Any", av.CodecContext.create("libopus", "w"))
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "stereo", "s16"
    encoder.bit_rate = bit_rate
    padded = (np.pad(samples, ((0, -len(samples) % FRAME), (0, 0))) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(padded.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate = RATE
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return [bytes(packet) for packet in packets][: len(padded) // FRAME]


def decode(packets: Iterable[bytes]) -> Samples:
    """Decode Opus packets in order, by one decoder, into (samples, 2)."""
    decoder = cast("Any", av.CodecContext.create("libopus", "r"))
    decoder.sample_rate, decoder.layout = RATE, "stereo"
    pieces = [_stereo(frame) for packet in packets for frame in decoder.decode(av.Packet(packet))]
    return np.concatenate(pieces) if pieces else np.zeros((0, 2), np.float32)


def _stereo(frame: av.AudioFrame) -> Samples:
    samples = frame.to_ndarray()
    scale = 32768.0 if samples.dtype == np.int16 else 1.0
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    return (samples / scale).astype(np.float32)


def mono(samples: Samples) -> Samples:
    """One channel, the mean of all."""
    return samples if samples.ndim == 1 else samples.mean(axis=1)


def frequency(samples: Samples, *, rate: int = RATE) -> float:
    """The strongest frequency in Hz, exact to about 1 Hz for a steady tone of 20 ms or longer."""
    return float(_frequencies(mono(samples)[None, :], rate)[0])


def _frequencies(frames: Samples, rate: int) -> NDArray[np.float64]:
    """The strongest frequency of each row: a zero-padded spectrum with its peak interpolated."""
    size = max(8192, 1 << (frames.shape[1] - 1).bit_length())
    spectra = np.log(np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), size)) + 1e-12)
    rows, peaks = (
        np.arange(len(frames)),
        np.clip(spectra[:, 1:-1].argmax(axis=1) + 1, 1, spectra.shape[1] - 2),
    )
    before, peak, after = (spectra[rows, peaks + step] for step in (-1, 0, 1))
    bend = before - 2 * peak + after
    shift = np.where(bend == 0, 0, 0.5 * (before - after) / np.where(bend == 0, 1, bend))
    return (peaks + shift) * rate / size


def level(samples: Samples) -> float:
    """The RMS level in dBFS; -120 for digital silence."""
    return float(_levels(mono(samples)[None, :])[0])


def _levels(frames: Samples) -> NDArray[np.float64]:
    power = np.mean(frames.astype(np.float64) ** 2, axis=1) if frames.shape[1] else np.zeros(len(frames))
    return 10 * np.log10(np.maximum(power, 1e-12))


def tones(
    packets: Iterable[bytes], *, tolerance: float = 0.03, shortest: float = 0.06, silence: float = SILENCE_DB
) -> list[Tone]:
    """The tones heard when the packets are played one after the other, 20 ms each, exact to a packet or two.

    Quiet stretches and what is shorter than `shortest` (a click, a change-over) are left out; a tone that is
    broken by less than that is one tone.
    """
    return tones_in(decode(packets), tolerance=tolerance, shortest=shortest, silence=silence)


def tones_in(
    samples: Samples,
    *,
    tolerance: float = 0.03,
    shortest: float = 0.06,
    silence: float = SILENCE_DB,
    rate: int = RATE,
) -> list[Tone]:
    """As `tones`, of samples."""
    step = rate // 50
    one = mono(samples)
    frames = one[: len(one) // step * step].reshape(-1, step)
    if not len(frames):
        return []
    pitches = np.where(_levels(frames) < silence, 0.0, _frequencies(frames, rate))
    runs = [run for run in _runs(pitches, tolerance) if len(run) * FRAME_SECONDS >= shortest - 1e-9]
    heard = [Tone(float(np.median(pitches[run])), run[0] / 50, len(run) / 50) for run in runs if pitches[run[0]]]
    return _joined(heard, tolerance, shortest)


def _runs(pitches: NDArray[np.float64], tolerance: float) -> list[NDArray[np.int64]]:
    """Indexes of neighbouring frames whose pitches are alike."""
    breaks = np.flatnonzero(np.abs(np.diff(pitches)) > tolerance * pitches[:-1]) + 1
    return cast("list[NDArray[np.int64]]", np.split(np.arange(len(pitches)), breaks))


def _joined(heard: Sequence[Tone], tolerance: float, shortest: float) -> list[Tone]:
    out: list[Tone] = []
    for item in heard:
        last = out[-1] if out else None
        alike = last and abs(item.hz - last.hz) <= tolerance * last.hz
        if last and alike and item.start - (last.start + last.length) < shortest:
            out[-1] = Tone(last.hz, last.start, item.start + item.length - last.start)
        else:
            out.append(item)
    return out


def gaps(arrivals: Sequence[float], *, longer_than: float = 0.06) -> list[Gap]:
    """The pauses between arrival times that exceed `longer_than`; a steady stream of packets has none."""
    pairs = itertools.pairwise(arrivals)
    return [Gap(before, after - before) for before, after in pairs if after - before > longer_than]


@dataclass(frozen=True)
class OggPage:
    """One page of an Ogg stream (RFC 3533); `segments` are its lacing values."""

    flags: int
    granule: int
    serial: int
    sequence: int
    segments: bytes
    body: bytes

    @property
    def continued(self) -> bool:
        return bool(self.flags & 1)

    @property
    def first(self) -> bool:
        return bool(self.flags & 2)

    @property
    def last(self) -> bool:
        return bool(self.flags & 4)


def ogg_pages(data: bytes) -> list[OggPage]:
    """The whole pages of a stream that starts at a page; a page cut off at the end is left out.

    Raises ValueError when something else than a page follows a page, or a checksum is wrong.
    """
    pages: list[OggPage] = []
    at = 0
    while at + 27 <= len(data):
        if data[at : at + 5] != b"OggS\0":
            raise ValueError(f"no Ogg page at byte {at}")
        flags, granule, serial, sequence, crc, count = struct.unpack_from("<BqIIIB", data, at + 5)
        segments = data[at + 27 : at + 27 + count]
        start = at + 27 + count
        end = start + sum(segments)
        if end > len(data) or len(segments) < count:
            break
        if _ogg_crc(data[at : at + 22] + bytes(4) + data[at + 26 : end]) != crc:
            raise ValueError(f"wrong checksum of the Ogg page at byte {at}")
        pages.append(OggPage(flags, granule, serial, sequence, segments, data[start:end]))
        at = end
    return pages


def ogg_packets(data: bytes) -> list[bytes]:
    """The packets of an Ogg stream, headers included; an unfinished last one is left out."""
    packets: list[bytes] = []
    part = b""
    for page in ogg_pages(data):
        at = 0
        part = part if page.continued else b""
        for size in page.segments:
            part += page.body[at : at + size]
            at += size
            if size < 255:
                packets.append(part)
                part = b""
    return packets


def opus_of_ogg(data: bytes) -> list[bytes]:
    """The Opus packets of an Ogg Opus stream without its two headers, which are checked (RFC 7845)."""
    packets = ogg_packets(data)
    if len(packets) < 2 or packets[0][:8] != b"OpusHead" or packets[1][:8] != b"OpusTags":
        raise ValueError("an Ogg Opus stream starts with OpusHead and OpusTags")
    return packets[2:]


def _ogg_crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[crc >> 24 ^ byte]
    return crc


def _crc_entry(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_CRC_TABLE = [_crc_entry(value) for value in range(256)]
