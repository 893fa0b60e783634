"""/voice: the track itself goes into the chat, from the operator's folder and nowhere else."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import sound
from tests.e2e.hearing import samples_of
from tests.e2e.product import Product
from tests.e2e.world import LONG
from tests.simulators.telegram import Chat, Message, Person, TelegramSimulator
from tests.waiting import until

pytestmark = pytest.mark.timeout(120)


@dataclass
class World:
    """A group whose operator shares the music folder."""

    telegram: TelegramSimulator
    group: Chat
    ann: Person

    def sent(self, message: Message, folder: Path) -> Path:
        """The file that came as an audio message."""
        path = folder / "voice.mp3"
        path.write_bytes(self.telegram.files.by_id[message.payload["audio"]["file_id"]].data)
        return path


@pytest.fixture
async def world(tmp_path: Path, library: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSimulator.start())
        ann = telegram.user("Ann")
        group = telegram.group("Testers", ann)
        env = {**telegram.env(), "LIBRARY_PATHS": str(library), "MEDIA_ALLOW": "127.0.0.1", "SHARE_LIBRARY": "true"}
        chorus = Product(tmp_path / "data", env)
        stack.push_async_callback(chorus.stop)
        await chorus.start()
        await until(lambda: chorus.logs(event="library indexed"), within=20)
        await telegram.ready()
        yield World(telegram, group, ann)


async def test_what_plays_is_sent_as_a_file_that_sounds_like_it(world: World, tmp_path: Path) -> None:
    await world.ann.say("/play Long", world.group)
    reply = await world.ann.say("/voice", world.group, within=60)
    told = reply.payload["audio"]
    assert (told["title"], told["mime_type"]) == ("Long", "audio/mpeg")
    heard = samples_of(world.sent(reply, tmp_path))
    assert sound.frequency(heard[48_000:96_000]) == pytest.approx(LONG, rel=0.01)
    assert len(heard) / 48_000 == pytest.approx(told["duration"], abs=1.5)


async def test_what_people_sent_is_not_passed_on(world: World, tmp_path: Path) -> None:
    file = sound.write_tone(tmp_path / "mine.flac", 700.0, 30.0, tags={"title": "Mine"})
    given = world.ann.send_audio(file, world.group, name="mine.flac")
    assert (await world.ann.say("/play", world.group, reply_to=given)).text == "Mine is on."
    assert "may not be sent" in (await world.ann.say("/voice", world.group)).text
    assert not world.telegram.called("sendAudio")
