"""What stops when a plan has no more of it in a month, and what goes on."""

from collections import Counter

import pytest

from core.bus import LocalBus
from core.enums import Meter
from core.errors import UnplayableError, UsedUpError
from core.jukebox import Jukebox
from core.live import Live
from core.ports.tracks import Attachment, Found
from core.room import Room
from tests.core.conftest import ROOM, World
from tests.fake_pushes import FakePushes
from tests.fakes import track

FILE = Attachment("https://files.example/secret", "a.mp3", 700)


class FakeQuotas:
    """So much is left of each meter; keys count once."""

    def __init__(self) -> None:
        self.left = Counter(dict.fromkeys(Meter, 1000))
        self.keys: set[str] = set()

    def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
        if self.left[meter] < amount:
            raise UsedUpError(meter, 5)

    async def spend(self, room: Room, meter: Meter, amount: int, key: str) -> None:
        if key not in self.keys:
            self.require(room, meter, amount)
            self.keys.add(key)
            self.left[meter] -= amount


@pytest.fixture
def quotas(guild: World) -> FakeQuotas:
    quotas = FakeQuotas()
    guild.jukebox = Jukebox(guild.rooms, guild.clock, guild.resolver, guild.shelf, quotas)
    guild.resolver.remote["a.mp3"] = Found((track("Upload"),))
    return quotas


async def test_files_are_counted_by_what_is_in_them_and_refused_before_they_are_fetched(
    guild: World, quotas: FakeQuotas
) -> None:
    await guild.voice("Ann")
    ann = guild.member("Ann")
    quotas.left[Meter.UPLOADS] = 1_500
    for _ in range(2):
        await guild.jukebox.play(ROOM, ann, FILE)
    assert quotas.left[Meter.UPLOADS] == 800
    assert quotas.keys == {track("Upload").ref}
    quotas.left[Meter.UPLOADS] = 10
    guild.resolver.asked.clear()
    with pytest.raises(UsedUpError) as refused:
        await guild.jukebox.play(ROOM, ann, FILE)
    assert (refused.value.meter, guild.resolver.asked) == (Meter.UPLOADS, [])
    await guild.jukebox.play(ROOM, ann, "Blues")  # what is no file goes on


async def test_a_file_that_cannot_be_played_uses_nothing(guild: World, quotas: FakeQuotas) -> None:
    guild.resolver.remote["a.mp3"] = UnplayableError("not_audio")
    await guild.voice("Ann")
    with pytest.raises(UnplayableError):
        await guild.jukebox.play(ROOM, guild.member("Ann"), FILE)
    assert quotas.left[Meter.UPLOADS] == 1_000


async def test_what_waits_still_plays_when_nothing_more_can_be_added(guild: World, quotas: FakeQuotas) -> None:
    await guild.voice("Ann")
    ann = guild.member("Ann", dj=True)
    await guild.jukebox.play(ROOM, ann, "Aria")
    await guild.jukebox.play(ROOM, ann, "Blues")
    quotas.left[Meter.PLAYS] = 0
    for command in (
        guild.jukebox.play(ROOM, ann, "Chant"),
        guild.jukebox.add(ROOM, ann, [track("Chant")]),
        guild.jukebox.import_tracks(ROOM, ann, "list.m3u8", b"#EXTM3U\n#EXTINF:1,Chant\nchant.mp3\n"),
    ):
        with pytest.raises(UsedUpError):
            await command
    assert (guild.on_air, await guild.waiting()) == ("Aria", ["Blues"])
    await guild.jukebox.skip(ROOM, ann)
    assert guild.on_air == "Blues"


async def test_no_push_is_added_or_turned_on_but_each_can_be_ended(guild: World, quotas: FakeQuotas) -> None:
    live = Live(guild.rooms, FakePushes(), LocalBus(), guild.clock, quotas)
    admin = guild.member("Ann", admin=True)
    made = await live.push(ROOM, admin, "rtmp://live.example/app/key")
    quotas.left[Meter.PUSHING] = 0
    with pytest.raises(UsedUpError):
        await live.push(ROOM, admin, "rtmp://live.example/app/other")
    assert (await live.switch(ROOM, admin, made.id, on=False)).changed
    with pytest.raises(UsedUpError):
        await live.switch(ROOM, admin, made.id, on=True)
    await live.forget(ROOM, admin, made.id)
