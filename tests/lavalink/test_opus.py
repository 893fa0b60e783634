import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavalink.opus import (
    BLOCK,
    FRAME,
    Encoder,
    LibavEncoder,
    NativeEncoder,
    can_pass_through,
    new_encoder,
    packet_samples,
)
from tests import sound


def encode(encoder: Encoder, hz: float) -> list[bytes]:
    samples = (sound.tone(hz, 0.5) * 32767).astype("int16")
    return [encoder.encode(samples[at:].ctypes.data)[0] for at in range(0, len(samples), FRAME)]


def test_the_native_encoder_is_found_here_and_heard() -> None:
    encoder = new_encoder()
    assert isinstance(encoder, NativeEncoder)
    packets = encode(encoder, 440)
    assert abs(sound.frequency(sound.decode(packets)) - 440) < 1
    assert {packet_samples(packet) for packet in packets} == {FRAME}


@pytest.mark.parametrize("encoder", [new_encoder(), LibavEncoder()])
def test_several_frames_at_once_are_packets_of_20_ms_like_any(encoder: Encoder) -> None:
    samples = (sound.tone(440, 0.5) * 32767).astype("int16")
    blocks = [encoder.encode(samples[at:].ctypes.data, BLOCK) for at in range(0, len(samples), FRAME * BLOCK)]
    packets = [packet for block in blocks for packet in block]
    assert [len(block) for block in blocks] == [BLOCK] * 5
    assert {packet_samples(packet) for packet in packets} == {FRAME}
    assert abs(sound.frequency(sound.decode(packets)) - 440) < 1


def test_without_libopus_pyav_encodes() -> None:
    packets = encode(LibavEncoder(), 660)
    assert len(packets) == 25
    assert abs(sound.frequency(sound.decode(packets)) - 660) < 1


def test_lengths_are_read_from_the_first_bytes() -> None:
    assert packet_samples(b"\xf8\xff\xfe") == 960
    assert packet_samples(bytes([0b11110_0_01]) + b"x") == 960  # two frames of 10 ms
    assert packet_samples(bytes([0b11111_0_11, 3])) == 2880  # three of 20 ms
    assert packet_samples(bytes([0b00011_0_00])) == 2880  # one of 60 ms
    assert packet_samples(b"") == 0


@given(st.binary())
def test_no_packet_breaks_the_reading(packet: bytes) -> None:
    assert 0 <= packet_samples(packet) <= 63 * 2880


def test_only_plain_stereo_without_gain_passes_through() -> None:
    head = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00"
    assert can_pass_through(head + b"\0\0\0")
    assert not can_pass_through(head + b"\0\1\0")  # an output gain
    assert not can_pass_through(head + b"\0\0\1\4\2\0\1\2\3")  # several streams
    assert not can_pass_through(head)
    assert not can_pass_through(None)
