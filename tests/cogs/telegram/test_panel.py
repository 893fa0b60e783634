"""The live message of a chat, and the limits that Telegram sets."""

import itertools
import time

import pytest

import cogs.telegram.panel
from cogs.telegram.people import place_of
from core.enums import EndReason
from core.events import PlayerChanged, PlayFailed
from core.ports.chats import Chat
from core.ports.rates import Rate
from tests.cogs.telegram.conftest import Party
from tests.simulators.telegram.errors import NotAnsweredError
from tests.waiting import until


async def test_one_message_is_edited_and_follows_the_music(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    first = party.group.live
    await party.ben.say("/play blues", party.group)
    await party.shows("1. Blues · Ben")
    assert party.group.live is first
    current = party.room.current
    assert current
    await party.reports.track_ended(party.room.id, current.entry.id, EndReason.FINISHED)
    await party.shows("Blues", "Asked for by Ben")
    assert party.group.live is first
    assert first.edits


async def test_music_that_begins_anew_gets_a_new_message_at_the_end(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    old = party.group.live
    await party.ann.say("/skip", party.group)
    await until(lambda: "Nothing is playing" in old.text)
    await party.ann.say("/play blues", party.group)
    await until(lambda: old.deleted)
    assert "Blues" in party.group.live.text


async def test_edits_keep_their_distance(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cogs.telegram.panel, "GAP", 1.0)
    for title in ("aria", "blues", "chant", "dirge"):
        await party.ann.say(f"/play {title}", party.group)
    await party.shows("3. Dirge")
    for _ in range(4):
        await party.ben.press(party.group.live, "👍 1.")
    await party.shows("Blues")
    edits = party.group.live.edits
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(edits))


async def test_votes_cost_the_chat_nothing(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    before = len(party.telegram.called("sendMessage"))
    for _ in range(10):
        await party.ben.press(party.group.live, "up:")
    assert len(party.telegram.called("sendMessage")) == before
    assert len(party.telegram.called("answerCallbackQuery")) == 10


async def test_the_chats_budget_is_kept_and_answers_go_first(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    for _ in range(14):
        await party.ben.say("/queue", party.group)
    for title in ("blues", "chant"):
        await party.ann.say(f"/play {title}", party.group)
    assert party.telegram.floods == 0
    sent = len(party.telegram.called("sendMessage", chat_id=party.group.id))
    assert len(party.group.live.edits) + sent <= 20


async def test_other_chats_do_not_wait_for_a_flooded_one(party: Party) -> None:
    other = party.telegram.group("Others", party.ben)
    party.telegram.faults.on("sendMessage", 429, "Too Many Requests", retry_after=2, chat=party.group.id)
    asked = party.ann.post("/now", party.group)
    begun = time.monotonic()
    await party.ben.say("/now", other)
    assert time.monotonic() - begun < 1.5
    await party.ann.answered(asked)
    assert time.monotonic() - begun > 1.8


async def test_a_spent_budget_holds_answers_back(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogs.telegram.outbox.GROUP", Rate(2, 2))
    for _ in range(2):
        await party.ann.say("/now", party.group)
    late = party.ann.post("/now", party.group)
    with pytest.raises(NotAnsweredError):
        await party.ann.answered(late, within=0.5)
    party.clock.move(2_000)
    await party.ann.answered(late)


async def test_a_message_that_was_deleted_is_made_again(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    party.group.live.deleted = True
    await party.ben.say("/play blues", party.group)
    await party.shows("1. Blues")


async def test_it_is_pinned_where_the_bot_may(party: Party) -> None:
    party.ann.promote(party.group, party.telegram.bot, can_pin_messages=True)
    await party.ann.say("/play aria", party.group)
    await until(lambda: party.group.pinned)
    assert party.group.pinned == [party.group.live.id]
    (pin,) = party.telegram.called("pinChatMessage")
    assert pin.parameters["disable_notification"] is True  # it rings in nobody's pocket


async def test_put_out_and_muted_it_goes_on_for_the_others(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    party.ann.mute(party.group, party.telegram.bot)
    party.ann.post("/play blues", party.group)
    await until(lambda: party.waiting == ["Blues"])
    party.ann.kick(party.group, party.telegram.bot)
    other = party.telegram.group("Others", party.ben)
    assert "Nothing is playing" in (await party.ben.say("/now", other)).text
    party.ann.invite(party.group, party.telegram.bot)
    assert "Aria" in (await party.ann.say("/now", party.group)).text


async def test_a_chat_that_put_it_out_is_not_asked_again_and_again(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cogs.telegram.panel, "RETRY", 0.05)
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    party.ann.kick(party.group, party.telegram.bot)
    party.room.volume = 30
    before = len(party.telegram.called("editMessageText"))
    party.client.panels.wake()
    other = party.telegram.group("Others", party.ben)
    for _ in range(5):
        await party.ben.say("/now", other)
    assert len(party.telegram.called("editMessageText")) <= before + 1  # none where the news came first


async def test_the_message_is_found_again_after_a_restart(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    live = party.group.live
    await party.stop()
    await party.start()
    await party.ann.say("/play blues", party.group)
    await party.shows("1. Blues")
    assert party.group.live is live


async def test_who_does_not_hold_the_bot_neither_polls_nor_draws(party: Party) -> None:
    party.holds = False
    await party.ann.say("/now", party.group)  # the poll that was under way
    party.ann.post("/play aria", party.group)
    other = party.telegram.calls[-1]
    await until(lambda: party.telegram.updates.pollers == 0)
    assert party.on_air is None
    assert other in party.telegram.calls
    party.holds = True
    await party.shows("Aria")


async def test_a_failure_is_told_for_a_while(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    current = party.room.current
    assert current
    failed = PlayFailed(room=party.room.id, version=99, entry=current.entry.id, title="Blues", reason="corrupt")
    party.bus.publish(failed)
    await party.shows("Skipped Blues: That file is damaged.")


async def test_trouble_of_the_sound_is_shown(party: Party) -> None:
    party.playback.trouble = "waiting"
    await party.ann.say("/play aria", party.group)
    await party.shows("The sound is away for a moment")


async def test_how_the_live_stream_does_is_shown_without_where_it_leads(party: Party) -> None:
    party.playback.states = {"p": "rejected", "q": "elsewhere"}
    await party.ann.say("/play aria", party.group)
    assert "Live stream: the server does not take it: is the key right?" in await party.shows("Live stream")
    party.playback.states = {"p": "live"}
    party.bus.publish(PlayerChanged(room=party.room.id, status="playing"))
    await party.shows("📡 Live stream: live")


async def test_a_group_that_grows_keeps_its_message_and_room(party: Party) -> None:
    await party.ann.say("/lang es", party.group)
    grown = party.telegram.migrate(party.group)
    await until(lambda: f"telegram:{grown.id}" in party.chats.chats)
    assert party.chats.chats[next(iter(party.chats.chats))].language == "es"


async def test_a_group_that_grows_is_known_by_whichever_message_comes_first(party: Party) -> None:
    await party.ann.say("/lang es", party.group)
    grown = party.telegram.migrate(party.group)
    party.telegram.updates.waiting.popleft()
    await until(lambda: f"telegram:{grown.id}" in party.chats.chats)


async def test_a_supergroup_that_was_faster_than_its_news_keeps_its_message(party: Party) -> None:
    await party.ann.say("/lang es", party.group)
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    grown = party.telegram.migrate(party.group)
    news = list(party.telegram.updates.waiting)
    party.telegram.updates.waiting.clear()
    await party.ben.say("/play blues", grown)
    await until(lambda: grown.shows("Blues"))
    panels, told = party.client.panels, list[str]()
    shown = await until(lambda: panels.chat(place_of(grown.id)).message, what="the message to be remembered")
    party.bus.subscribe(lambda event: told.append(event.room))
    party.telegram.updates.waiting.extend(news)
    await party.ann.say("/now", grown)
    assert panels.chat(place_of(grown.id)) == Chat(place_of(grown.id), shown, None, "es")
    assert place_of(party.group.id) not in panels._known
    assert f"room-of-telegram:{grown.id}" in told  # whoever plays it, or shows it, looks again


async def test_a_group_whose_growing_was_missed_is_found_by_its_message(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    grown = party.telegram.migrate(party.group)
    party.telegram.updates.waiting.clear()
    party.room.volume = 30
    party.client.panels.wake()
    await until(lambda: f"telegram:{grown.id}" in party.chats.chats)
    assert party.client.panels.chat(place_of(grown.id)).message is None
    assert place_of(party.group.id) not in party.client.panels._known


async def test_a_renamed_group_renames_its_room(party: Party) -> None:
    await party.ann.say("/now", party.group)
    party.group.title = "Choir"
    party.telegram.updates.put(
        "message", party.group.add({"from": party.ann.json(), "new_chat_title": "Choir"}, by_bot=False).json()
    )
    await until(lambda: party.room.name == "Choir")


async def test_a_press_on_an_old_message_and_of_another_chat(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    other = party.telegram.group("Others", party.ben)
    data = party.group.live.button("Skip")["callback_data"]
    assert len(data.encode()) <= 64
    await party.ben.say("/play blues", other)
    await until(lambda: other.shows("Blues"))
    assert "another chat" in (await party.ben.press_data(other.live, data)).text
    await party.ann.say("/play chant", party.group)
    await party.ann.say("/skip", party.group)
    assert "not waiting any more" in (await party.ben.press_data(party.group.live, data)).text
    assert (await party.ben.press_data(party.group.live, "what:is:this")).text == ""


async def test_a_poll_has_a_button_to_agree(party: Party) -> None:
    for title in ("aria", "blues", "chant", "dirge"):
        await party.ann.say(f"/play {title}", party.group)
    for person in (party.ben, party.cyd):
        await person.say("/now", party.group)
    assert "1 of 2" in (await party.ben.say("/shuffle", party.group)).text
    await party.shows("1 of 2 to shuffle the queue")
    toast = await party.cyd.press(party.group.live, "Yes, shuffle")
    assert "passed" in toast.text
    assert party.room.shuffle is not None
