"""A deck by itself: its ring is emptied by hand, at no pace."""

from pathlib import Path

from lavalink.deck import Deck
from lavalink.marks import FULL, LOW, LOW_UNTOUCHED
from lavalink.protocol import Track
from lavalink.reel import Reel
from lavalink.strand import Shaping
from tests import sound
from tests.lavalink.harness import studio, until


async def test_a_crossfade_behind_untouched_packets_is_made_as_far_ahead_as_any(tmp_path: Path) -> None:
    async with studio() as (media, engine, sources):

        async def reel(name: str, crossfade: int = 0) -> Reel:
            info = await sources.load(media.url(name))
            assert info is not None
            return Reel(Track(encoded=name, info=info), sources, 0, crossfade)

        media.add("ends.opus", sound.write_tone(tmp_path / "ends.opus", 400, 0.42))
        media.add("comes.opus", sound.write_tone(tmp_path / "comes.opus", 1000, 3.0))
        deck = Deck(engine, await reel("ends.opus"), Shaping(), on_ready=lambda _: None, on_missed=lambda *_: None)
        following = await reel("comes.opus", 3000)
        await until(lambda: len(deck.ring) == FULL and not deck._filling)
        assert deck.low == LOW_UNTOUCHED
        for _ in range(5):
            deck.ring.popleft()
        deck.cue(following)
        await until(lambda: deck.joining and not deck._filling)
        assert deck.low == LOW
        deck.close()
