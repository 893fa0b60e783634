"""Feeds of podcasts: what is read, what is refused, and what an attack costs."""

import time
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.feeds import BYTES, EPISODES, Episode, Feed, is_feed, parse
from core.errors import UnplayableError
from tests.waiting import crowding

BASE = "https://show.test/feed.xml"

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet href="/style.xsl" type="text/xsl"?>
<!-- generated -->
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>The Show</title>
<image><title>Not this</title><url>https://show.test/i.png</url></image>
<itunes:category text="Music"><itunes:category text="x"/></itunes:category>
<item><title>One &amp; only</title><itunes:title>Other</itunes:title><guid>1</guid>
  <pubDate>Mon, 05 Jan 2026 10:00:00 GMT</pubDate><itunes:duration>1:02:03</itunes:duration>
  <enclosure url="https://cdn.test/1.mp3?a=1&amp;b=2" type="audio/mpeg" length="123"/></item>
<item><title><![CDATA[Two <b>bold</b>]]></title>
  <pubDate>Tue, 06 Jan 2026 10:00:00 +0100</pubDate><itunes:duration>90</itunes:duration>
  <enclosure url="media/2.m4a" type="audio/x-m4a"/></item>
<item><title>Only words</title><pubDate>Wed, 07 Jan 2026 10:00:00 GMT</pubDate></item>
<item><title>A picture</title><pubDate>Wed, 07 Jan 2026 10:00:00 GMT</pubDate>
  <enclosure url="https://cdn.test/p.jpg" type="image/jpeg"/></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Atomic</title>
<entry><title>First</title><id>a</id><published>2026-01-05T10:00:00Z</published>
<link rel="alternate" href="https://show.test/first"/>
<link rel="enclosure" type="audio/ogg" href="/1.ogg"/></entry>
<entry><title>Second</title><id>b</id><updated>2026-01-06T10:00:00+00:00</updated>
<link rel="enclosure" href="/2.ogg"/></entry></feed>"""


def reason(body: bytes) -> str:
    with pytest.raises(UnplayableError) as refused:
        parse(body, BASE)
    return refused.value.reason


def test_rss_is_read_newest_first() -> None:
    feed = parse(RSS.encode(), BASE)
    assert feed == Feed(
        "The Show",
        (
            Episode("Two <b>bold</b>", "https://show.test/media/2.m4a", 90_000, 1_767_690_000_000),
            Episode("One & only", "https://cdn.test/1.mp3?a=1&b=2", 3_723_000, 1_767_607_200_000),
        ),
    )


def test_atom_is_read() -> None:
    feed = parse(ATOM.encode(), BASE)
    assert feed.title == "Atomic"
    assert [(it.title, it.address) for it in feed.episodes] == [
        ("Second", "https://show.test/2.ogg"),
        ("First", "https://show.test/1.ogg"),
    ]


def test_without_dates_the_order_is_the_feeds() -> None:
    items = "".join(f'<item><title>{n}</title><enclosure url="/{n}.mp3"/></item>' for n in range(3))
    feed = parse(f"<rss><channel>{items}</channel></rss>".encode("utf-16"), BASE)
    assert [it.title for it in feed.episodes] == ["0", "1", "2"]


def test_the_newest_are_kept_wherever_they_stand() -> None:
    def item(day: int) -> str:
        date = datetime.fromtimestamp(day * 86_400, UTC).isoformat()
        return (
            f'<entry><title>{day}</title><published>{date}</published><link rel="enclosure" href="/{day}.mp3"/></entry>'
        )

    count = 2 * EPISODES + 500
    feed = parse(f"<feed>{''.join(map(item, range(count)))}</feed>".encode(), BASE)
    assert [it.title for it in feed.episodes] == [str(day) for day in range(count - 1, count - 1 - EPISODES, -1)]


@pytest.mark.parametrize(
    ("kind", "found"),
    [("audio", True), (" Audio/MPEG ", True), ("", True), ("application/pdf", False), ("image/png", False)],
)
def test_what_is_enclosed_is_told_by_its_type(kind: str, *, found: bool) -> None:
    enclosed = f'<enclosure url="/1" type="{kind}"/>' if kind else '<enclosure url="/1"/>'
    body = f"<rss><channel><item><title>a</title>{enclosed}</item></channel></rss>".encode()
    if found:
        assert parse(body, BASE).episodes[0].address == "https://show.test/1"
    else:
        assert reason(body) == "not_audio"


def test_an_address_that_is_none_costs_one_episode() -> None:
    items = "".join(
        f'<item><title>{n}</title><enclosure url="{"http://[" if n == 1 else n}"/></item>' for n in range(3)
    )
    feed = parse(f"<rss><channel>{items}</channel></rss>".encode(), BASE)
    assert [it.title for it in feed.episodes] == ["0", "2"]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90", 90_000),
        ("1:30", 90_000),
        ("01:00:01", 3_601_000),
        ("75:00", 4_500_000),
        *((nonsense, None) for nonsense in ("0", "", "soon", "-5", "1:2:3:4", "9" * 40, "²")),
    ],
)
def test_durations(text: str, length: int | None) -> None:
    body = (
        '<rss xmlns:i="x"><channel><item><title>t</title><enclosure url="/a.mp3"/>'
        f"<i:duration>{text}</i:duration></item></channel></rss>"
    )
    assert parse(body.encode(), BASE).episodes[0].length == length


@pytest.mark.parametrize(
    ("media_type", "head", "found"),
    [
        ("application/rss+xml", b"anything", True),
        ("text/xml", RSS.encode(), True),
        ("", b"\xef\xbb\xbf<feed xmlns='x'>", True),
        ("application/xml", b"<playlist xmlns='http://xspf.org/ns/0/'>", False),
        ("audio/mpeg", RSS.encode(), False),
        ("text/plain", b"<!-- " * 3_000, False),
        ("text/plain", b"<?xml?>" * 3_000, False),
        ("text/plain", b"<!-- --> " * 3_000, False),
    ],
)
def test_feeds_are_recognised_at_once(media_type: str, head: bytes, *, found: bool) -> None:
    began = time.perf_counter()
    assert is_feed(media_type, head) is found
    assert time.perf_counter() - began < 0.1 * crowding()


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><rss><channel><title>&j;</title></channel></rss>"
)
OUTSIDE = '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
def test_documents_with_a_type_are_refused_unread(text: str, encoding: str) -> None:
    tracemalloc.start()
    try:
        assert reason(text.encode(encoding)) == "corrupt"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [b"", b"<rss><channel>", b"<a>" * 100_000, b"\xff\xfe\x00", b'<?xml version="1.0" encoding="x"?><rss/>'],
    ids=["empty", "cut", "deep", "binary", "encoding"],
)
def test_broken_feeds_are_corrupt(body: bytes) -> None:
    assert reason(body) == "corrupt"


def test_a_feed_of_words_alone_is_no_audio() -> None:
    assert reason(b"<rss><channel><title>t</title><item><title>x</title></item></channel></rss>") == "not_audio"


def test_a_feed_of_50_mb_is_refused() -> None:
    assert reason(b" " * (50 << 20)) == "too_large"


def test_the_largest_feed_costs_little() -> None:
    item = '<item><title>t</title><enclosure url="/a.mp3"/><description>{}</description></item>'.format("x" * 20_000)
    body = f"<rss><channel>{item * ((BYTES - 100) // len(item))}</channel></rss>".encode()
    assert len(body) > BYTES * 0.99
    tracemalloc.start()
    try:
        feed = parse(body, BASE)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000, "what is not asked for is not kept"
    finally:
        tracemalloc.stop()
    assert len(feed.episodes) == EPISODES


def test_endless_texts_are_cut() -> None:
    body = f'<rss><channel><item><title>{"x" * 1_000_000}</title><enclosure url="/a.mp3"/></item></channel></rss>'
    assert len(parse(body.encode(), BASE).episodes[0].title) < 10_000


@given(st.binary(max_size=300))
def test_nothing_breaks_the_reader(noise: bytes) -> None:
    for body in (noise, RSS.encode()[:200] + noise, RSS.encode().replace(b"item", noise[:4] or b"x")):
        with suppress(UnplayableError):
            assert isinstance(parse(body, BASE), Feed)
