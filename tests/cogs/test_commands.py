"""Every slash command, through the real client."""

import time
from typing import Any

import pytest

from core.enums import Guests
from core.errors import SourceOffError, TooLongError, UnplayableError
from core.ports.tracks import Found
from core.types import PersonId, Settings
from tests.cogs.conftest import Party
from tests.fakes import track
from tests.waiting import until


async def play(party: Party, *titles: str) -> None:
    """Ann queues these."""
    for title in titles:
        await party.ann.slash("play", query=title, in_=party.chat)
    await party.there("Ann", "Ben", "Cyd")


async def test_the_commands_are_registered_for_guilds_in_their_languages(party: Party) -> None:
    registered = {command["name"] for command in party.discord.commands}
    wanted = (
        "mode loop shuffle move jump previous undo lock favourite favourites history again export import block audit"
    )
    assert registered >= {*wanted.split(), "play", "queue", "now", "skip", "settings", "policy", "remove", "swap"}
    assert len(registered) <= 100
    texts = [command for command in party.discord.commands if command["name"] == "skip"]
    assert "es-ES" in texts[0]["description_localizations"]
    assert all(command["contexts"] == [0] for command in party.discord.commands)


async def test_play_queues_starts_and_shows_the_panel(party: Party) -> None:
    reply = await party.ann.slash("play", query="aria", in_=party.chat)
    assert reply.text == "**Aria** is on."
    assert reply.ephemeral
    assert not reply.deferred
    assert party.on_air == "Aria"
    assert party.room.voice_channel == party.music.id
    await party.there("Ann", "Ben", "Cyd")
    await party.discord.until(lambda: len(party.chat.messages) == 1, what="the panel")
    panel = party.chat.messages[0]
    assert "Aria" in panel.text
    assert "Asked for by Ann" in panel.text
    later = await party.ben.slash("play", query="blues", in_=party.chat)
    assert later.text == "**Blues** is number 1 in the queue, in about 3 min."
    assert party.room.people[PersonId(f"discord-{party.ann.id}"), party.room.place].name == "Ann"


async def test_only_a_remote_query_defers(party: Party) -> None:
    party.resolver.remote["http://x.test/a.mp3"] = Found((track("Far"),))
    party.resolver.gate.clear()
    waiting = party.ann.slash("play", query="http://x.test/a.mp3", in_=party.chat)
    party.client.loop.call_later(0.1, party.resolver.gate.set)
    reply = await waiting
    assert reply.deferred
    assert reply.ephemeral
    assert reply.text == "**Far** is on."


async def test_play_takes_a_file_and_a_playlist(party: Party) -> None:
    party.resolver.remote["song.mp3"] = Found((track("Sent"),))
    file = party.discord.upload("song.mp3", b"music")
    reply = await party.ann.slash("play", file=file)
    assert reply.deferred
    assert party.on_air == "Sent"
    party.room.settings = Settings(max_entries_per_person=3)
    party.resolver.remote["http://list"] = Found(tuple(track(f"t{i}") for i in range(3)), "List")
    assert (await party.ann.slash("play", query="http://list")).text == "Added 3 tracks."
    assert "You have 3 tracks waiting already" in (await party.ann.slash("play", query="aria")).text


@pytest.mark.parametrize(
    ("query", "fault", "text"),
    [
        ("nothing like it", None, "Nothing found for **nothing like it**. Try other words or a link."),
        (" ", None, "Nothing found for ****. Try other words or a link."),
        ("http://a", UnplayableError("private_address"), "That link leads into a private network."),
        ("http://a", UnplayableError("new"), "It cannot be played."),
        ("http://a", SourceOffError("YouTube"), "Links to YouTube are not switched on here."),
        ("http://a", TooLongError("*Opera*", 3_600_000), r"**\*Opera\*** is longer than 1:00:00"),
        ("http://a", RuntimeError("bug"), "Something went wrong on my side. Try again in a moment."),
    ],
)
async def test_what_cannot_be_played_says_why(party: Party, query: str, fault: Exception | None, text: str) -> None:
    if fault is not None:
        party.resolver.remote[query] = fault
    reply = await party.ann.slash("play", query=query)
    assert reply.text.startswith(text)
    assert party.room.current is None


async def test_where_people_and_the_bot_have_to_be(party: Party) -> None:
    other = party.guild.voice_channel("Other")
    stranger = party.guild.member("Dan")
    reply = await stranger.slash("play", query="aria")
    assert reply.text == "Join a voice channel first, then try again."
    await play(party, "Aria")
    await stranger.join(other)
    reply = await stranger.slash("play", query="aria")
    assert reply.text == f"I am playing in <#{party.music.id}>. Join me there."
    for member in (party.ann, party.ben, party.cyd):
        await member.leave()
    await party.there()
    await stranger.slash("play", query="blues")
    assert party.room.voice_channel == other.id


@pytest.mark.parametrize(
    ("denied", "text"),
    [("connect", "I may not join"), ("speak", "I may not speak"), ("view_channel", "I may not join")],
)
async def test_a_channel_that_is_closed_to_the_bot_is_refused_before_queueing(
    party: Party, denied: str, text: str
) -> None:
    party.music.deny(party.guild.bot, denied)
    for command in ("play", "join"):
        options: dict[str, Any] = {"query": "aria"} if command == "play" else {}
        reply = await party.ann.slash(command, **options)
        assert reply.text.startswith(text)
        assert f"<#{party.music.id}>" in reply.text
    assert party.room.current is None
    assert party.resolver.asked == []


async def test_a_full_channel_is_refused(party: Party) -> None:
    small = party.guild.voice_channel("Small", user_limit=1)
    await party.ann.move(small)
    reply = await party.ann.slash("play", query="aria")
    assert "is full" in reply.text
    small.allow(party.guild.bot, "move_members")
    assert (await party.ann.slash("play", query="aria")).text == "**Aria** is on."


async def test_autocomplete_offers_tracks_quickly(party: Party) -> None:
    party.library.tracks.append(track("x" * 4_000, artist="Long"))
    started = time.monotonic()
    choices = await party.ann.autocomplete("play", "query", "ari")
    assert time.monotonic() - started < 0.1
    assert choices == [{"name": "Aria (3:00)", "value": "library:Aria"}]
    await party.ann.slash("play", query=choices[0]["value"])
    assert party.on_air == "Aria"
    (long,) = await party.ann.autocomplete("play", "query", "xxx")
    assert len(long["name"]) == len(long["value"]) == 100


async def test_queue_is_paged(party: Party) -> None:
    assert "Nothing is waiting" in (await party.ann.slash("queue")).text
    party.resolver.remote["http://list"] = Found(tuple(track(f"t{i}") for i in range(26)), "List")
    await party.ann.slash("play", query="http://list", in_=party.chat)
    reply = await party.ben.slash("queue")
    assert reply.ephemeral
    assert "▶️ **t0** · Ann" in reply.text
    assert "`1.` **t1** · Ann" in reply.text
    assert "Page 1 of 3" in reply.text
    _, on = (row["custom_id"] for row in reply.components[0]["components"])
    assert reply.components[0]["components"][0]["disabled"]
    turned = await party.ben.press(reply, custom_id=on)
    assert turned.updated
    assert "`11.` **t11**" in turned.text
    assert "t0**" not in turned.text
    last = await party.ben.press(turned, custom_id=on.replace(":1", ":2"))
    assert "Page 3 of 3" in last.text
    assert [row["disabled"] for row in last.components[0]["components"]] == [False, True]


async def test_now_shows_what_plays(party: Party) -> None:
    assert "Nothing is playing" in (await party.ann.slash("now")).text
    await play(party, "aria", "blues")
    reply = await party.ben.slash("now")
    assert reply.ephemeral
    assert "Aria" in reply.text
    assert "`1.` **Blues** · Ann · in about 3 min" in reply.text


async def test_voting_by_name_number_and_choice(party: Party) -> None:
    await play(party, "aria", "blues", "chant", "dirge")
    reply = await party.ben.slash("vote", track="3")
    assert reply.text == "You voted **Dirge** up. Its score is +1."
    assert (await party.ben.slash("vote", track="chant", vote=-1)).text.endswith("Its score is -1.")
    choices = await party.ben.autocomplete("vote", "track", "dir")
    assert choices[0]["name"] == "1. Dirge (Ann)"
    reply = await party.ben.slash("vote", track=choices[0]["value"], vote=0)
    assert reply.text == "You took your vote for **Dirge** back. Its score is +0."
    assert (await party.cyd.slash("vote")).text == "You voted **Aria** up. Its score is +1."
    assert (await party.ann.slash("vote")).text == "You asked for this one; votes are for the others."
    for wrong in ("99", "#12345", "no such title"):
        assert "not waiting any more" in (await party.ben.slash("vote", track=wrong)).text


async def test_why_explains(party: Party) -> None:
    await play(party, "aria", "blues", "chant")
    assert (await party.ben.slash("why", track="2")).text == (
        "**Chant** is number 2: turn 3 of Ann, score +0.\n"
        "1 is ahead: an earlier turn, or more votes in the same one. It starts in about 6 min."
    )
    await party.reports.lock_next(party.room.id)
    assert "It is settled: it plays next." in (await party.ben.slash("why", track="1")).text


async def test_remove_and_clear(party: Party) -> None:
    await play(party, "aria", "blues", "chant")
    assert "Only they or a DJ can remove it" in (await party.ben.slash("remove", track="1")).text
    assert (await party.ann.slash("remove", track="1")).text == "Removed **Blues**.\nUndo"
    choices = await party.ann.autocomplete("remove", "track", "")
    assert [choice["name"] for choice in choices] == ["1. Chant (Ann)"]
    asked = (await party.ben.slash("clear")).text
    assert asked == "1 of 2 voted to empty the queue; one more, or 2 listeners leaving."
    admin = party.guild.member("Root", admin=True)
    assert (await admin.slash("clear")).text == "Removed 1 track.\nUndo"
    assert (await admin.slash("clear")).text == "The queue was empty already."


async def test_skip_polls(party: Party) -> None:
    assert (await party.ann.slash("skip")).text == "Nothing is playing. /play starts something."
    await play(party, "aria", "blues")
    assert (await party.ben.slash("skip")).text.startswith("You voted to skip **Aria**: 1 of 2; one more, or")
    assert (await party.cyd.slash("skip")).text == "Skipped **Aria**."
    assert (await party.ann.slash("skip")).text == "Skipped **Blues**."


async def test_a_poll_passes_by_departure_and_by_deafening(party: Party) -> None:
    others = [party.guild.member(name) for name in ("Dan", "Eve")]
    for member in others:
        await member.join(party.music)
    await party.ann.slash("play", query="aria")
    await party.there("Ann", "Ben", "Cyd", "Dan", "Eve")
    await party.ben.slash("skip")
    await party.cyd.slash("skip")
    assert party.on_air == "Aria"
    await others[0].deafen()
    await until(lambda: party.on_air is None, what="the poll to pass")


async def test_bots_do_not_count(party: Party) -> None:
    robot = party.guild.member("Robot", bot=True)
    await robot.join(party.music)
    await play(party, "aria")
    assert len(party.room.people) == 3


async def test_controls(party: Party) -> None:
    await play(party, "aria")
    entry = party.room.current
    assert entry is not None
    await party.reports.track_started(party.room.id, entry.entry.id, node="n")
    assert (await party.ben.slash("pause")).text == "Paused."
    assert (await party.ben.slash("pause")).text == "It is paused already."
    assert (await party.ben.slash("resume")).text == "On it goes."
    assert (await party.ben.slash("resume")).text == "It is playing already."
    assert (await party.ben.slash("seek", position="1:30")).text == "Now at 1:30."
    assert party.room.clock.at(party.clock.now()) == 90_000
    assert (await party.ben.slash("seek", position="90")).text == "Now at 1:30."
    assert (await party.ben.slash("seek", position="9:59")).text == (
        "The track ends at 3:00. Choose a time before that."
    )
    assert "Write a time such as 1:30" in (await party.ben.slash("seek", position="soon")).text
    assert (await party.ben.slash("volume", percent=50)).text == "The volume is 50 %."
    assert (await party.ben.slash("volume", percent=50)).text == "The volume is 50 % already."
    for wrong in (-1, 1_000):
        assert (await party.ben.slash("volume", percent=wrong)).text == "Choose something from 0 to 200."
    assert "Only a DJ" in (await party.ben.slash("leave")).text
    assert (await party.ben.slash("stop")).text.startswith("1 of 2 voted to stop and empty the queue")


async def test_somebody_alone_may_do_everything(party: Party) -> None:
    await party.ben.leave()
    await party.cyd.leave()
    await party.ann.slash("play", query="aria")
    await party.there("Ann")
    assert (await party.ann.slash("leave")).text == "I left. The queue is kept: /join brings me back."
    assert (await party.ann.slash("join")).text == "Here I am."
    assert (await party.ann.slash("join")).text == "I am here already."
    await party.there("Ann")
    assert (await party.ann.slash("stop")).text == "Stopped. The queue is empty."
    assert party.room.voice_channel is None


async def test_settings_are_for_admins(party: Party) -> None:
    reply = await party.guild.member("Root", admin=True).slash("settings")
    assert reply.ephemeral
    assert reply.text.splitlines()[0] == "**DJ role**: none"
    dj = party.guild.role("DJ")
    root = party.guild.member("Boss", admin=True)
    reply = await root.slash(
        "settings",
        dj_role=dj,
        skip_threshold=75,
        tracks_per_person=5,
        longest_track=10,
        longest_queue=100,
        default_volume=80,
        idle_minutes=2,
        guests="vote",
    )
    assert reply.text == (
        f"**DJ role**: <@&{dj.id}>\n**Skip threshold**: 75%\n**Tracks per person**: 5\n**Longest track**: 10:00\n"
        "**Longest queue**: 100\n**Default volume**: 80 %\n**Leaves an empty channel after**: 2:00\n"
        "**Guests of the page may**: listen and vote\n**Turns are counted in**: tracks\n"
        "**Tracks that are here already**: allowed\n**Tracks of people who left**: stay\n**Time zone**: UTC\n"
        "**Filter**: off\n**Crossfade**: 0 s\n**Equal loudness**: on"
    )
    assert reply.pings == []
    assert party.room.settings == Settings(0.75, 5, 600_000, 100, 80, 120_000, Guests.VOTE, dj.id)
    await root.slash("settings", tracks_per_person=0, dj_role=party.guild.everyone)
    assert party.room.settings.max_entries_per_person is None
    assert party.room.settings.dj_role is None
    assert len(party.rooms.audits) == 2
    assert (await root.slash("settings", skip_threshold=101)).text == "Choose something from 5 to 100."


async def test_settings_are_refused_to_others(party: Party) -> None:
    (command,) = (one for one in party.discord.commands if one["name"] == "settings")
    assert command["default_member_permissions"] == "32"
    command["default_member_permissions"] = None  # as a guild's integration settings may have it
    reply = await party.ben.slash("settings", default_volume=10)
    assert reply.text == "Only those who may manage the server can do that."


async def test_a_dj_role_gives_the_controls_to_its_members(party: Party) -> None:
    role = party.guild.role("DJ")
    dj = party.guild.member("Dee", roles=[role])
    await dj.join(party.music)
    await play_as(party)
    party.room.settings = Settings(dj_role=role.id)
    assert "Only a DJ" in (await party.ben.slash("loop", what="queue")).text
    assert (await party.ben.slash("volume", percent=10)).text.startswith("1 of 2 voted to set the volume to 10 %")
    assert (await dj.slash("volume", percent=10)).text == "The volume is 10 %."
    assert (await dj.slash("skip")).text == "Skipped **Aria**."


async def play_as(party: Party) -> None:
    await party.ann.slash("play", query="aria")
    await party.there("Ann", "Ben", "Cyd", "Dee")


async def test_spanish_is_answered_in_spanish(party: Party) -> None:
    party.ann.locale = "es-ES"
    assert (await party.ann.slash("skip")).text == "No suena nada. Con /play empieza algo."
    assert (await party.ann.slash("play", query="aria")).text == "Suena **Aria**."


async def test_titles_never_ping_and_never_format(party: Party) -> None:
    evil = "@everyone <@1> **bold** [x](http://y) " + "🎵" * 10
    party.library.tracks = [track(evil), track("שלום \u202eevil"), track("z" * 4_000)]
    reply = await party.ann.slash("play", query="bold", in_=party.chat)
    assert reply.pings == []
    assert "@everyone" not in reply.text
    assert r"\*\*bold\*\*" in reply.text
    assert "\u202e" not in (await party.ann.slash("play", query="שלום", in_=party.chat)).text
    await party.ann.slash("play", query="zzz", in_=party.chat)
    assert len((await party.ben.slash("queue")).text) < 600
    await party.discord.until(lambda: party.chat.messages, what="the panel")
    assert party.chat.messages[0].pings == []
    assert "@everyone" not in party.chat.messages[0].text


async def test_the_same_interaction_twice_is_one_command(party: Party) -> None:
    party.discord.faults.duplicate_interactions()
    await party.ann.slash("play", query="aria", in_=party.chat)
    await until(lambda: len(party.resolver.asked) == 2, what="both deliveries")
    await party.ann.slash("play", query="blues", in_=party.chat)
    assert party.on_air == "Aria"
    assert [one.track.title for one in party.room.entries.values()] == ["Blues"]


async def test_an_interaction_that_came_too_late_is_survived(party: Party) -> None:
    await party.ann.slash("now")
    interaction = party.discord.interactions.slash(party.ann, "play", None, {"query": "aria"})
    interaction.expired = True
    await until(lambda: party.on_air == "Aria", what="the command to count")
    assert (await party.ann.slash("skip")).text == "Skipped **Aria**."


async def test_a_store_that_is_down_says_so(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.errors import StoreUnavailableError

    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(party.rooms, "apply", down)
    reply = await party.ann.slash("play", query="aria")
    assert reply.text == "The queue cannot be reached just now. Try again in a moment."
    await party.ben.leave()
    assert "Nothing is playing" in (await party.ann.slash("now")).text
