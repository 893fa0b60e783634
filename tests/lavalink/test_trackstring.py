from __future__ import annotations

import base64
import contextlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavalink.protocol import TrackInfo
from lavalink.trackstring import TrackStringError, decode, encode

# Lavalink's own documentation: a version 2 string of a Java node.
RICK = (
    "QAAAjQIAJVJpY2sgQXN0bGV5IC0gTmV2ZXIgR29ubmEgR2l2ZSBZb3UgVXAADlJpY2tBc3RsZXlWRVZPAAAAAAADPCAAC2RRdzR3OVdn"
    "WGNRAAEAK2h0dHBzOi8vd3d3LnlvdXR1YmUuY29tL3dhdGNoP3Y9ZFF3NHc5V2dYY1EAB3lvdXR1YmUAAAAAAAAAAA=="
)

# Made by Lavalink 4.2.2 of a tagged MP3: accents, and a character that Java writes as two surrogates.
TONE = (
    "QAAAfgMADEjDtmhlIO2gvO2+tQAMR8OpbsOpcmF0ZXVyAAAAAAAAC9AAH2h0dHA6Ly8xMjcuMC4wLjE6MTgwODAvdG9uZS5tcDMAAQAfaHR0"
    "cDovLzEyNy4wLjAuMToxODA4MC90b25lLm1wMwAAAARodHRwAANtcDMAAAAAAAAAAA=="
)


def java_text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def java_string(version: int, body: bytes) -> str:
    message = (bytes([version]) if version > 1 else b"") + body
    flags = 1 if version > 1 else 0
    return base64.b64encode(struct.pack(">I", flags << 30 | len(message)) + message).decode()


def test_a_string_of_a_java_node_decodes() -> None:
    track = decode(RICK, {"entry": 7})
    assert track.info.title == "Rick Astley - Never Gonna Give You Up"
    assert track.info.author == "RickAstleyVEVO"
    assert track.info.identifier == "dQw4w9WgXcQ"
    assert track.info.length == 212000
    assert track.info.uri == "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    assert track.info.source_name == "youtube"
    assert not track.info.is_stream
    assert track.info.is_seekable
    assert (track.info.artwork_url, track.info.isrc, track.info.position) == (None, None, 0)
    assert track.encoded == RICK
    assert track.user_data == {"entry": 7}


def test_a_string_of_lavalink_4_2_2_decodes_and_is_written_alike() -> None:
    track = decode(TONE)
    url = "http://127.0.0.1:18080/tone.mp3"
    assert track.info == TrackInfo(
        identifier=url, is_seekable=True, author="Générateur", length=3024, is_stream=False, position=0,
        title="Höhe 🎵", uri=url, artwork_url=None, isrc=None, source_name="http",
    )  # fmt: skip
    assert track.plugin_info == {"probeInfo": "mp3"}
    assert encode(track.info) == TONE


def test_version_3_with_the_fields_of_the_http_source_written_by_hand_from_the_format() -> None:
    url = "http://127.0.0.1:8080/media/abc.mp3"
    body = (
        java_text("Title") + java_text("Author") + struct.pack(">q", 180_000) + java_text(url) + b"\0"
        + b"\1" + java_text(url) + b"\1" + java_text("http://art") + b"\1" + java_text("USX9P1234567")
        + java_text("http") + java_text("mp3") + struct.pack(">q", 42)
    )  # fmt: skip
    encoded = java_string(3, body)
    track = decode(encoded)
    assert track.info.artwork_url == "http://art"
    assert track.info.isrc == "USX9P1234567"
    assert track.info.position == 42
    assert track.plugin_info == {"probeInfo": "mp3"}
    assert encode(track.info, "mp3") == encoded


def test_version_1_has_no_uri() -> None:
    body = (
        java_text("T") + java_text("A") + struct.pack(">q", 1000) + java_text("id") + b"\1"
        + java_text("twitch") + struct.pack(">q", 0)
    )  # fmt: skip
    info = decode(java_string(1, body)).info
    assert (info.uri, info.source_name, info.is_stream, info.is_seekable) == (None, "twitch", True, False)


def test_fields_that_other_sources_add_are_passed_over() -> None:
    body = (
        java_text("T") + java_text("A") + struct.pack(">q", 1000) + java_text("id") + b"\0" + b"\0" + b"\0" + b"\0"
        + java_text("spotify") + b"\1" + java_text("Album") + b"\0\0\0" + struct.pack(">q", 77)
    )  # fmt: skip
    assert decode(java_string(3, body)).info.position == 77


def test_java_text_outside_the_bmp_and_nul() -> None:
    # DataOutput.writeUTF("\0😀"): C0 80, then the surrogates D83D DE00 of three bytes each
    raw = bytes.fromhex("c080eda0bdedb880")
    info = make(title="\0😀")
    assert struct.pack(">H", len(raw)) + raw in base64.b64decode(encode(info))
    assert decode(encode(info)).info.title == "\0😀"


@pytest.mark.parametrize(
    ("url", "probe"),
    [("http://x/a.OPUS?k=1.wav", "ogg"), ("http://x/a.m4a", "mp4"), ("http://x/radio", "mp3"), ("", "mp3")],
)
def test_the_container_is_guessed_from_the_ending(url: str, probe: str) -> None:
    assert decode(encode(make(identifier=url))).plugin_info == {"probeInfo": probe}


def test_padding_may_be_missing() -> None:
    info = make(title="Padded")
    encoded = next(text for text in (encode(info), encode(make(title="Padde"))) if text.endswith("="))
    assert decode(encoded.rstrip("=")).info == decode(encoded).info


@pytest.mark.parametrize("broken", ["", "QAAA", "not base64!", RICK[:-8], RICK[:40], "QAAAAQk=", "A" * 4000, "é"])
def test_broken_strings_are_refused(broken: str) -> None:
    with pytest.raises(TrackStringError):
        decode(broken)


def test_a_title_too_long_for_the_format_is_cut() -> None:
    title = decode(encode(make(title="é" * 70_000))).info.title
    assert 30_000 < len(title) <= 32_767


def make(**fields: Any) -> TrackInfo:
    base: dict[str, Any] = {
        "identifier": "http://x/a.mp3",
        "author": "A",
        "title": "T",
        "source_name": "http",
        "uri": "http://x",
    }
    return TrackInfo(is_seekable=True, length=1000, is_stream=False, **(base | fields))


texts = st.text(max_size=300)
longs = st.integers(-(2**63), 2**63 - 1)


@given(
    texts, texts, longs, texts, st.booleans(), st.none() | texts, st.none() | texts, st.none() | texts,
    st.sampled_from(["http", "local", "youtube", "x"]), longs,
)  # fmt: skip
def test_round_trip(
    title: str, author: str, length: int, identifier: str, stream: bool, uri: str | None, art: str | None,
    isrc: str | None, source: str, position: int,
) -> None:  # fmt: skip
    info = TrackInfo(
        identifier=identifier, is_seekable=not stream, author=author, length=length, is_stream=stream,
        position=position, title=title, uri=uri, artwork_url=art, isrc=isrc, source_name=source,
    )  # fmt: skip
    assert decode(encode(info)).info == info


@given(st.binary(max_size=200))
def test_random_bytes_never_do_worse_than_refuse(raw: bytes) -> None:
    with contextlib.suppress(TrackStringError):
        decode(base64.b64encode(raw).decode())
