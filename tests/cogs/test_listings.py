"""Podcasts and chapters in Discord: offered while one types, and gone to."""

from dataclasses import replace

from core.ports.tracks import Chapter, Episode, Found, Show
from tests.cogs.conftest import Party
from tests.fakes import track

LINK = "https://show.test/feed"


def podcast(party: Party, count: int = 30) -> None:
    episodes = [Episode(f"episode:{n}", f"Number {n}", n * 60_000) for n in range(count, 0, -1)]
    party.resolver.shows[LINK] = Show("The Show", tuple(episodes))
    for one in episodes:
        party.resolver.remote[one.query] = Found((track(one.title, artist="The Show"),), resumes=True)


async def test_a_podcasts_link_lists_its_episodes(party: Party) -> None:
    podcast(party)
    choices = await party.ann.autocomplete("play", "query", LINK)
    assert len(choices) == 25
    assert choices[0] == {"name": "Number 30 (30:00)", "value": "episode:30"}
    (third,) = await party.ann.autocomplete("play", "query", f"{LINK} number 13")
    assert third["value"] == "episode:13"
    await party.ann.slash("play", query=third["value"])
    assert party.on_air == "Number 13"


async def test_other_links_and_words_are_as_ever(party: Party) -> None:
    assert await party.ann.autocomplete("play", "query", "https://a.test/x.mp3") == []
    assert await party.ann.autocomplete("play", "query", "ari") == [{"name": "Aria (3:00)", "value": "library:Aria"}]


async def test_an_episode_goes_on_where_it_was_left(party: Party) -> None:
    podcast(party, 1)
    party.resolver.remote["episode:1"] = Found((track("Number 1", length=600_000),), resumes=True)
    await party.ann.slash("play", query="episode:1")
    assert party.room.current
    await party.reports.track_started(party.room.id, party.room.current.entry.id, node="n")
    party.clock.move(125_000)
    await party.ann.slash("skip")
    reply = await party.ann.slash("play", query="episode:1")
    assert "It goes on at 2:05, where you left it." in reply.text


async def test_chapters_are_offered_and_sought(party: Party) -> None:
    assert await party.ann.autocomplete("seek", "position", "") == []
    await party.ann.slash("play", query="aria")
    assert party.room.current
    await party.reports.track_started(party.room.id, party.room.current.entry.id, node="n")
    party.resolver.parts = [Chapter(0, "Intro"), Chapter(65_000, "Theme"), Chapter(3_700_000, "x" * 200)]
    choices = await party.ann.autocomplete("seek", "position", "")
    assert choices[:2] == [{"name": "0:00 · Intro", "value": "0:00"}, {"name": "1:05 · Theme", "value": "1:05"}]
    assert len(choices[2]["name"]) == 100
    (theme,) = await party.ann.autocomplete("seek", "position", "the")
    await party.ann.slash("seek", position=theme["value"])
    assert party.room.clock.at(party.clock.now()) == 65_000


async def test_a_stations_song_is_on_the_panel_and_in_the_history(party: Party) -> None:
    station = replace(track("Radio *Chorus*"), length=None)
    party.resolver.remote["https://radio"] = Found((station,))
    await party.ann.slash("play", query="https://radio")
    assert party.room.current
    entry = party.room.current.entry.id
    await party.reports.track_started(party.room.id, entry, node="n")
    await party.reports.titled(party.room.id, entry, "Hello", "Ann")
    shown = (await party.ann.slash("now")).text
    assert "Hello" in shown
    assert "📻 Radio" in shown
    party.clock.move(60_000)
    await party.reports.titled(party.room.id, entry, "@everyone", "Ben")
    history = (await party.ann.slash("history")).text
    assert "Ann – Hello" in history
    await party.ann.slash("skip")
    assert "@everyone" not in (await party.ann.slash("history")).text.replace("@\u200beveryone", "")
