"""An address that people may push to has to be one for the guard and for nodes, or its room's PATCHes would fail."""

from contextlib import suppress

from hypothesis import assume, example, given
from hypothesis import strategies as st

from audio.push_guard import _parts
from core.errors import BadAddressError, UnplayableError
from core.live import server_of
from lavalink.rtmp_address import RtmpAddress

SIGNS = ["://", ":", "/", "//", "?", "#", "@", "[", "]", "%", "%2F", "&", "=", ";", "\\", " ", "\n", "\u00a0"]
WORDS = ["rtmp", "rtmps", "RTMP", "file", "a.example", "10.0.0.1", "::1", "é", "1935", "0", "99999", "-1", "app", "key"]
PIECES = st.sampled_from([*SIGNS, *WORDS])
ADDRESSES = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=8).map(lambda pieces: "rtmp://a.example/app/key" + "".join(pieces)),
    st.lists(PIECES, max_size=8).map(lambda pieces: "rtmps://" + "".join(pieces) + "/app/key"),
)


@given(address=ADDRESSES)
@example(address="rtmp://a.example/app/key#")
@example(address="rtmp://a.example/app?x=1/key")
@example(address="rtmp://a.example//app//key/")
def test_whoever_is_asked_says_the_same(address: str) -> None:
    address = address.strip()
    try:
        server = server_of(address)
    except BadAddressError:
        assume(False)
        return
    parsed = RtmpAddress.parse(address)
    assert parsed.public.partition("://")[2].partition("/")[2] == server.partition("://")[2].partition("/")[2]
    with suppress(UnplayableError):  # a port of something else
        assert _parts(address) == (parsed.host, parsed.port)
