"""Commands in a chat: what people type, and what becomes of it."""

import pytest

from core.errors import UnplayableError
from core.ports.tracks import Attachment, Chapter, Episode, Found, Show
from tests.cogs.telegram.conftest import Party
from tests.fakes import track
from tests.waiting import until


async def test_play_answers_in_the_chat_and_shows_the_room(party: Party) -> None:
    reply = await party.ann.say("/play aria", party.group)
    assert reply.text == "Aria is on."
    assert party.on_air == "Aria"
    text = await party.shows("Aria", "Asked for by Ann")
    assert "Nothing" not in text
    assert "number 1 in the queue" in (await party.ben.say("/play@chorus_test_bot blues", party.group)).text
    await party.shows("Up next", "1. Blues · Ben")


async def test_the_queue_and_what_plays(party: Party) -> None:
    for title in ("aria", "blues", "chant"):
        await party.ann.say(f"/play {title}", party.group)
    told = (await party.ben.say("/queue", party.group)).text
    assert told.index("Aria") < told.index("Blues") < told.index("Chant")
    assert "Page 1 of 1" in told
    assert "0:00 / 3:00" in (await party.ben.say("/now", party.group)).text


async def test_a_skip_is_ones_own_or_asked(party: Party) -> None:
    for title in ("aria", "blues"):
        await party.ann.say(f"/play {title}", party.group)
    for person in (party.ben, party.cyd):
        await person.say("/now", party.group)
    told = (await party.ben.say("/skip", party.group)).text
    assert told == "You voted to skip Aria: 1 of 2; one more, or 2 listeners leaving."
    await party.shows("Aria")
    await until(lambda: "1 of 2" in str(party.group.live.buttons))
    toast = await party.cyd.press(party.group.live, "Skip")
    assert toast.text == "Skipped Aria."
    assert party.on_air == "Blues"
    assert "Skipped Blues" in (await party.ann.say("/skip", party.group)).text


async def test_votes_by_command_and_by_button(party: Party) -> None:
    for title in ("aria", "blues", "chant"):
        await party.ann.say(f"/play {title}", party.group)
    assert "+1" in (await party.ben.say("/vote chant", party.group)).text
    await party.shows("1. Chant · Ann · +1")
    assert "-1" in (await party.ben.say("/vote 1 down", party.group)).text
    assert "+0" in (await party.ben.say("/vote chant back", party.group)).text
    await party.shows("1. Blues · Ann\n2. Chant · Ann\n")
    toast = await party.cyd.press(party.group.live, "👍 1.")
    assert "You voted Blues up" in toast.text
    assert "for the others" in (await party.ann.press(party.group.live, "up:")).text
    assert "took your vote" in (await party.cyd.press(party.group.live, "👍 1.")).text


async def test_why(party: Party) -> None:
    for title in ("aria", "blues", "chant"):
        await party.ann.say(f"/play {title}", party.group)
    assert "turn 3 of Ann" in (await party.ben.say("/why chant", party.group)).text
    assert "No vote is running" in (await party.ben.say("/why", party.group)).text
    assert "not waiting any more" in (await party.ben.say("/why fugue", party.group)).text


async def test_administrators_are_djs(party: Party) -> None:
    await party.ben.say("/play aria", party.group)
    await party.cyd.say("/now", party.group)
    await party.ann.say("/now", party.group)
    assert "Only a DJ" in (await party.cyd.say("/lock", party.group)).text
    assert "locked" in (await party.ann.say("/lock", party.group)).text
    party.ann.promote(party.group, party.telegram.bot)
    party.ann.promote(party.group, party.cyd)
    assert "open" in (await party.cyd.say("/lock", party.group)).text
    party.ann.demote(party.group, party.cyd)
    assert "Only a DJ" in (await party.cyd.say("/lock", party.group)).text
    hidden = await party.ann.say("/lock", party.group, anonymous=True)
    assert "locked" in hidden.text


async def test_refusals_are_in_the_persons_language(party: Party) -> None:
    eva = party.telegram.user("Eva", language="es-AR")
    party.group.members[eva.id] = {"status": "member"}
    assert (await eva.say("/pause", party.group)).text == "No suena nada. Con /play empieza algo."


async def test_foreign_text_is_no_markup(party: Party) -> None:
    party.library.tracks.append(track("<b>x</b> & *y* _z_ @everyone"))
    party.library.tracks.append(track("Plain"))
    await party.ann.say("/play Plain", party.group)
    reply = await party.ann.say("/play <b>x", party.group)
    assert "<b>x</b> & *y* _z_ @" in reply.text
    await party.shows("<b>x</b> & *y* _z_")


async def test_a_command_for_another_bot_and_an_edited_one_do_nothing(party: Party) -> None:
    party.ann.promote(party.group, party.telegram.bot)
    party.ann.post("/play@another_bot aria", party.group)
    sent = party.ann.post("hello", party.group)
    party.ann.edit(sent, "/play blues")
    assert "Nothing is playing" in (await party.ann.say("/now", party.group)).text
    assert party.group.said == ["Nothing is playing. /play starts something."]


async def test_an_update_that_comes_twice_counts_once(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    party.telegram.faults.double_updates()
    await party.ann.say("/play blues", party.group)
    await party.ann.say("/now", party.group)
    assert party.waiting == ["Blues"]
    delivered = [one["update_id"] for one in party.telegram.updates.delivered]
    assert len(set(delivered)) < len(delivered)


async def test_a_command_is_known_again_after_a_restart(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.ann.say("/play blues", party.group)
    update = next(one for one in party.telegram.updates.delivered if "blues" in str(one))
    await party.stop()
    await party.start()
    party.telegram.updates.again(update)
    await until(lambda: len(party.resolver.asked) == 3)
    await party.ann.say("/now", party.group)
    assert party.waiting == ["Blues"]


async def test_commands_of_one_chat_keep_their_order_and_chats_do_not_wait_for_each_other(party: Party) -> None:
    party.resolver.remote["https://slow.example.org/x"] = Found((track("Slow"),))
    party.resolver.gate.clear()
    other = party.telegram.group("Others", party.ben)
    slow = party.ann.post("/play https://slow.example.org/x", party.group)
    later = party.ann.post("/queue", party.group)
    assert "Nothing is playing" in (await party.ben.say("/now", other)).text
    assert party.group.said == []
    party.resolver.gate.set()
    assert (await party.ann.answered(slow)).text == "Slow is on."
    assert "Slow" in (await party.ann.answered(later)).text


async def test_a_file_in_a_private_chat_plays_by_itself(party: Party) -> None:
    party.resolver.remote["Bach - Aria.audio"] = Found((track("Bach's Aria"),))
    sent = party.ann.send_audio(b"sound", name="1.mp3", title="Aria", performer="Bach")
    assert "Bach's Aria is on." in (await party.ann.answered(sent)).text
    (asked,) = party.resolver.asked
    assert isinstance(asked, Attachment)
    assert asked.url.startswith(f"{party.telegram.api_url}/file/bot")
    assert asked.size == 5


async def test_a_file_in_a_group_plays_when_play_answers_to_it(party: Party) -> None:
    party.resolver.remote["voice.ogg"] = party.resolver.remote["Voice message"] = Found((track("A voice"),))
    sent = party.ben.send_voice(b"sound", party.group)
    reply = await party.ann.say("/play", party.group, reply_to=sent)
    assert reply.text == "A voice is on."
    party.resolver.remote["a.flac"] = Found((track("A file"),))
    document = party.ben.send_document(b"x", party.group, name="a.flac")
    assert "A file" in (await party.ann.say("/play", party.group, reply_to=document)).text
    assert "Blues" in (await party.ann.say("/play blues", party.group, reply_to=document)).text  # words go first


async def test_a_file_that_telegram_does_not_hand_out(party: Party) -> None:
    sent = party.ann.send_audio(b"x", name="big.mp3")
    party.telegram.files.by_id[sent.payload["audio"]["file_id"]].size = 30 * 1024 * 1024
    assert "too large" in (await party.ann.answered(sent)).text


async def test_a_file_that_is_too_large_is_not_even_asked_for(party: Party) -> None:
    sent = party.ann.send_audio(bytes(20 * 1024 * 1024 + 1), name="long.mp3")
    assert "too large" in (await party.ann.answered(sent)).text
    assert not party.telegram.called("getFile")


async def test_what_cannot_be_played_is_told(party: Party) -> None:
    party.resolver.remote["https://x.example.org/"] = UnplayableError("not_audio")
    assert "nothing in it" in (await party.ann.say("/play https://x.example.org/", party.group)).text
    assert "Nothing found" in (await party.ann.say("/play", party.group)).text
    assert "Nothing found" in (await party.ann.say("/play xyzzy", party.group)).text


async def test_answers_stand_in_the_topic_of_the_question(party: Party) -> None:
    topic = party.group.topic("Music")
    reply = await party.ann.say("/play aria", party.group, topic=topic)
    assert reply.topic == topic
    await party.shows("Aria")
    assert party.group.live.topic == topic
    assert len(party.rooms.rooms) == 1


async def test_a_channel_is_a_place_of_its_admins(party: Party) -> None:
    news = party.telegram.group("News", party.ann, kind="channel")
    reply = await party.ann.say("/play aria", news)
    assert reply.text == "Aria is on."


async def test_later_waits_for_its_time(party: Party) -> None:
    for title in ("aria", "blues"):
        await party.ann.say(f"/play {title}", party.group)
    assert "plays at" in (await party.ben.say("/later in 20 min chant", party.group)).text
    (waits,) = [entry for entry in party.room.entries.values() if entry.track.title == "Chant"]
    assert waits.starts_at == party.clock.now() + 20 * 60_000
    assert "the time zone here is UTC" in (await party.ben.say("/later 18:00 dirge", party.group)).text
    sent = party.ben.send_audio(b"sound", party.group, name="x.mp3", title="Mine")
    party.resolver.remote["Mine.audio"] = Found((track("Mine"),))
    assert "Mine plays at" in (await party.ben.say("/later 1 h 30 min", party.group, reply_to=sent)).text
    for odd in ("", " chant", " 25:00 chant"):
        assert "Write a time" in (await party.ben.say(f"/later{odd}", party.group)).text
    assert "Nothing found" in (await party.ben.say("/later 18:00", party.group)).text


async def test_removing_everything_of_somebody_by_an_answer(party: Party) -> None:
    for person, title in ((party.ann, "aria"), (party.ben, "blues"), (party.cyd, "chant"), (party.ben, "dirge")):
        await person.say(f"/play {title}", party.group)
    said = party.ben.post("/now", party.group)
    await party.ben.answered(said)
    assert "Only they or a DJ" in (await party.cyd.say("/remove", party.group, reply_to=said)).text
    assert (await party.ann.say("/remove", party.group, reply_to=said)).text == "Removed 2 tracks."
    assert party.waiting == ["Chant"]
    assert "not waiting" in (await party.ann.say("/remove", party.group)).text


async def test_removing_undoing_and_controls(party: Party) -> None:
    for title in ("aria", "blues", "chant", "dirge"):
        await party.ann.say(f"/play {title}", party.group)
    reply = await party.ann.say("/remove 1-2", party.group)
    assert reply.text == "Removed 2 tracks."
    toast = await party.ann.press(reply, "Undo")
    assert "2 tracks are back" in toast.text
    assert "volume is 30 %" in (await party.ann.say("/volume 30", party.group)).text
    assert "0 to 200" in (await party.ann.say("/volume loud", party.group)).text
    assert "Paused" in (await party.ann.say("/pause", party.group)).text
    assert "Now at 1:30" in (await party.ann.say("/seek 1:30", party.group)).text
    assert "first come, first served" in (await party.ann.say("/mode fifo", party.group)).text.lower()
    assert "There are: " in (await party.ann.say("/mode loud", party.group)).text


async def test_an_episode_is_chosen_by_its_number(party: Party) -> None:
    link = "https://show.test/feed"
    episodes = [Episode(f"episode:{n}", f"Number *{n}*", n * 60_000 if n > 1 else None) for n in range(30, 0, -1)]
    party.resolver.shows[link] = Show("The Show", tuple(episodes))
    party.resolver.remote["episode:28"] = Found((track("Number 28"),), resumes=True)
    listed = (await party.ann.say(f"/episodes {link}", party.group)).text
    lines = listed.splitlines()
    assert lines[:4] == ["The Show", "1. Number *30* · 30:00", "2. Number *29* · 29:00", "3. Number *28* · 28:00"]
    assert "20. Number *11*" in listed
    assert "21." not in listed
    assert "Number 28 is on" in (await party.ann.say(f"/episodes {link} 3", party.group)).text
    party.resolver.shows[link] = Show("The Show", tuple(episodes[-1:]))
    assert "∞" not in (await party.ann.say(f"/episodes {link}", party.group)).text, "of unknown length, not without end"
    for wrong in ("", " https://no.test/feed"):
        assert "podcast" in (await party.ann.say(f"/episodes{wrong}", party.group)).text


async def test_a_chapter_is_gone_to_while_its_track_plays(party: Party) -> None:
    party.resolver.parts = [Chapter(0, "Intro"), Chapter(65_000, "Theme")]
    for title in ("aria", "blues"):
        await party.ann.say(f"/play {title}", party.group)
    chapters = await party.ann.say("/seek", party.group)
    assert "chapter" in chapters.text
    assert "Now at 1:05" in (await party.ann.press(chapters, "Theme")).text
    assert party.room.clock.at(party.clock.now()) == 65_000
    await party.ann.say("/skip", party.group)
    assert party.on_air == "Blues"
    assert "Now at" not in (await party.ann.press(chapters, "Theme")).text, "the chapters were another track's"
    assert party.room.clock.at(party.clock.now()) == 0


async def test_the_token_is_never_logged(
    party: Party, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(party.client.surface.ports.jukebox, "pause", None)
    assert "Something went wrong" in (await party.ann.say("/pause", party.group)).text
    party.telegram.faults.on("getUpdates", 500, times=2)
    party.telegram.faults.on("sendMessage", 502)
    party.ann.post("/now", party.group)
    await until(lambda: len(party.telegram.called("sendMessage", chat_id=party.group.id)) > 1)
    logged = capsys.readouterr().out
    assert "telegram.command_failed" in logged
    assert party.telegram.token not in logged
    assert party.telegram.token not in repr(party.client.surface)


async def test_terms_and_help_with_payments_are_the_operators_or_say_that_there_are_none(party: Party) -> None:
    assert "written no terms" in (await party.ben.say("/terms", party.group)).text
    assert "Nothing is sold here" in (await party.ben.say("/paysupport")).text
    await party.stop()
    party.terms, party.pay_support = "https://example.org/terms_of_use", "Write to <pay@example.org> *soon*"
    await party.start()
    assert (await party.ben.say("/terms", party.group)).text == "https://example.org/terms_of_use"
    assert (await party.ben.say("/paysupport")).text == "Write to <pay@example.org> *soon*"
