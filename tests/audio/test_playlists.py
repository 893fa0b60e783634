"""Playlists are recognised, read and rewritten without leaving a foreign address in them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audio.playlists import LONGEST, Item, Kind, decode, hls_length, hls_variants, kind_of, parse, rewrite, settle
from core.errors import UnplayableError

BASE = "http://radio.test/lists/all.m3u8"
M3U = """#EXTM3U
#PLAYLIST:Evening
#EXTINF:123,Nina Simone - Sinnerman
one.mp3
#EXTINF:-1 tvg-logo="a,b" group="x",Radio, the second
http://other.test/two

three.ogg
"""
PLS = "[playlist]\r\nFile2=http://b.test/2\r\nTitle2=Two\r\nFile1=/1.mp3\r\nTitle1=One\r\nLength1=60\r\nLength2=-1\r\nNumberOfEntries=2\r\n"
XSPF = """<?xml version="1.0" encoding="UTF-8"?>
<playlist version="1" xmlns="http://xspf.org/ns/0/"><title>Mix</title><trackList>
<track><location>a.flac</location><title>A</title><creator>Me</creator><duration>5000</duration><image>http://x.test/i</image></track>
<track><location>http://y.test/b?x=1&amp;y=2</location></track></trackList></playlist>"""
MASTER = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="audio/index.m3u8"
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=256000,CODECS="mp4a.40.2"
high.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=64000
low.m3u8
"""
MEDIA = """#EXTM3U
#EXT-X-TARGETDURATION:6
#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/k?a=1",IV=0x1
#EXT-X-MAP:URI="init.mp4"
#EXTINF:6.0,
seg1.ts
#EXTINF:4.5,
../seg2.ts
#EXT-X-ENDLIST
"""


def _mint(address: str) -> str:
    return f"OURS({address.encode().hex()})"


@pytest.mark.parametrize(
    ("media_type", "path", "head", "kind"),
    [
        ("application/vnd.apple.mpegurl", "/x", b"", "m3u"),
        ("audio/x-scpls", "/x", b"", "pls"),
        ("application/xspf+xml", "/x", b"", "xspf"),
        ("text/plain", "/x.M3U8", b"", "m3u"),
        ("application/octet-stream", "/x", b"\xef\xbb\xbf#EXTM3U\n", "m3u"),
        ("", "/x", b"[playlist]\n", "pls"),
        ("text/xml", "/x", XSPF.encode(), "xspf"),
        ("audio/mpeg", "/x.m3u8", b"ID3", None),
        ("application/octet-stream", "/x", b"OggS", None),
    ],
)
def test_playlists_are_recognised(media_type: str, path: str, head: bytes, kind: str | None) -> None:
    assert kind_of(media_type, path, head) == kind


def test_m3u_is_read() -> None:
    found = parse("m3u", M3U, BASE)
    assert found.title == "Evening"
    assert found.items == (
        Item("http://radio.test/lists/one.mp3", "Sinnerman", "Nina Simone", 123_000),
        Item("http://other.test/two", "Radio, the second"),
        Item("http://radio.test/lists/three.ogg"),
    )


def test_pls_is_read_in_the_order_of_its_numbers() -> None:
    assert parse("pls", PLS, BASE).items == (
        Item("http://radio.test/1.mp3", "One", "", 60_000),
        Item("http://b.test/2", "Two"),
    )


def test_numbers_of_a_pls_may_begin_with_zeros() -> None:
    found = parse("pls", "[playlist]\nFile02=b.mp3\nFile01=a.mp3\nTitle01=One\nLength01=60\n", BASE)
    assert found.items == (
        Item("http://radio.test/lists/a.mp3", "One", "", 60_000),
        Item("http://radio.test/lists/b.mp3"),
    )


NINES = "9" * 5_000


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("m3u", f"#EXTM3U\n#EXTINF:{told},T\na.mp3\n") for told in (".", "-.", "1.2.3", NINES, "9" * 20, "0", "-1")),
        *(("pls", f"[playlist]\nFile1=a.mp3\nTitle1=T\nLength1={told}\n") for told in (NINES, "9" * 20, "soon", "0")),
        ("pls", f"[playlist]\nFile{NINES}=b.mp3\nFile1=a.mp3\nTitle1=T\n"),
        *(("xspf", XSPF.replace("5000", told).replace(">A<", ">T<")) for told in (NINES, "9" * 20, "-5", "1:00")),
    ],
)
def test_lengths_that_cannot_be_are_untold(kind: Kind, text: str) -> None:
    first = parse(kind, text, BASE).items[0]
    assert (first.title, first.length) == ("T", None)


def test_hls_that_says_it_lasts_for_ever_has_an_end_all_the_same() -> None:
    assert hls_length(MEDIA.replace("4.5", NINES)) == LONGEST * 1000
    assert len(hls_variants(MASTER.replace("64000", NINES), BASE)) == 2


def test_xml_that_is_too_deep_is_refused() -> None:
    with pytest.raises(UnplayableError, match="corrupt"):
        rewrite("xspf", f"<a>{'<b>' * 100_000}{'</b>' * 100_000}</a>", BASE, _mint)


def test_xspf_is_read() -> None:
    found = parse("xspf", XSPF, BASE)
    assert found.title == "Mix"
    assert found.items == (
        Item("http://radio.test/lists/a.flac", "A", "Me", 5_000),
        Item("http://y.test/b?x=1&y=2"),
    )


def test_hls_is_told_from_m3u_and_measured() -> None:
    assert settle("m3u", MEDIA) == "hls"
    assert settle("m3u", M3U) == "m3u"
    assert hls_length(MEDIA) == 10_500
    assert hls_length(MEDIA.replace("#EXT-X-ENDLIST", "")) is None
    assert hls_variants(MASTER, BASE) == [
        "http://radio.test/lists/low.m3u8",
        "http://radio.test/lists/high.m3u8",
    ]
    assert hls_variants(MEDIA, BASE) == []


def test_every_address_of_hls_is_rewritten() -> None:
    master = rewrite("hls", MASTER, BASE, _mint)
    assert _mint("http://radio.test/lists/audio/index.m3u8") in master
    assert _mint("http://radio.test/lists/high.m3u8") in master.splitlines()
    media = rewrite("hls", MEDIA, BASE, _mint)
    for address in ("https://keys.test/k?a=1", "http://radio.test/lists/init.mp4", "http://radio.test/lists/seg1.ts"):
        assert _mint(address) in media
    assert _mint("http://radio.test/seg2.ts") in media
    assert "keys.test" not in media
    assert "#EXTINF:4.5," in media.splitlines()


@pytest.mark.parametrize("tag", ['URI="http://in.test/k"', "URI=http://in.test/k", 'URI="http://in.test/k'])
def test_sloppily_written_tags_are_rewritten_too(tag: str) -> None:
    written = rewrite("hls", f"#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,{tag}", BASE, _mint)
    assert written.splitlines()[1] == f'#EXT-X-KEY:METHOD=AES-128,URI="{_mint("http://in.test/k")}"'


def test_every_address_of_pls_and_xspf_is_rewritten() -> None:
    pls = rewrite("pls", PLS, BASE, _mint)
    assert f"File1={_mint('http://radio.test/1.mp3')}" in pls.splitlines()
    assert "http" not in pls
    xspf = rewrite("xspf", XSPF, BASE, _mint)
    assert parse("xspf", xspf.replace("OURS", "http://ours/"), BASE).items[0].title == "A"
    assert _mint("http://y.test/b?x=1&y=2") in xspf
    assert "y.test" not in xspf
    assert "x.test" not in xspf


def test_too_long_lists_are_refused() -> None:
    with pytest.raises(UnplayableError, match="too_large"):
        decode(b"#EXTM3U\n" + b"a.mp3\n" * 5_001)
    with pytest.raises(UnplayableError, match="too_large"):
        decode(b"x" * 2_000_001)
    assert decode(b"caf\xe9.mp3") == "café.mp3"


def test_a_web_page_in_disguise_is_refused() -> None:
    with pytest.raises(UnplayableError, match="not_audio"):
        decode(b"\n <!DOCTYPE html><html>")


@pytest.mark.parametrize(
    "text",
    ["<playlist", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><playlist>&b;</playlist>', ""],
)
def test_broken_and_hostile_xml_is_refused(text: str) -> None:
    with pytest.raises(UnplayableError, match="corrupt"):
        parse("xspf", text, BASE)


@given(st.sampled_from(["m3u", "pls"]), st.text(max_size=300))
@example("m3u", "http://[")
def test_no_address_is_left_as_it_was(kind: Kind, text: str) -> None:
    items = parse(kind, text, BASE).items
    written = rewrite(settle(kind, text), text, BASE, _mint)
    for item in items:
        assert _mint(item.address) in written
    if kind == "m3u":
        assert all(line.startswith(("#", "OURS(")) for line in written.splitlines() if line)
