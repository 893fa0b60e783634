"""What is not a command in a chat: menus, inline mode, reactions, deep links, languages, the webhook."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from cogs.telegram.receiving import Webhook
from cogs.telegram.stars_only import without_links
from cogs.telegram.webhook import HEADER, secret_of, webhook_app
from core.limits import LIST_BYTES
from core.ports.tracks import Chapter
from core.types import Track, TrackRef
from tests.cogs.telegram.conftest import Party, make_client
from tests.waiting import until

KEYS = (b"k" * 32, b"o" * 32)


async def test_menus_by_scope_and_language(party: Party) -> None:
    menus = party.telegram.asking.commands
    await until(lambda: len(menus) == 6)
    group = {one["command"] for one in menus["all_group_chats", ""]}
    admins = {one["command"] for one in menus["all_chat_administrators", ""]}
    assert {"play", "queue", "now", "skip", "vote", "why", "remove", "listen", "lang", "help"} <= group
    theirs = "next jump lock settings policy block unblock audit live link unlink"
    assert admins - group == set(theirs.split())
    spanish = {one["command"]: one["description"] for one in menus["all_group_chats", "es"]}
    assert spanish["now"] == "Qué suena"
    told = (await party.ann.say("/help", party.group)).text
    assert all(f"/{name} " in told for name in admins)


async def test_inline_results_join_the_room_where_one_acted_last(party: Party) -> None:
    await party.ben.say("/now", party.group)
    (result,) = await party.ben.inline("aria")
    assert result["title"] == "Aria"
    far = party.telegram.group("Far away", party.ben)
    far.members.pop(party.telegram.bot.id)
    sent = party.ben.choose(result, far)
    toast = await party.ben.press(sent, "Add")
    assert toast.text == "Testers: Aria is on."
    assert (party.on_air, party.room.name) == ("Aria", "Testers")
    await party.shows("Aria", "Asked for by Ben")


async def test_inline_results_of_somebody_new_or_gone_join_their_own_room(party: Party) -> None:
    dan = party.telegram.user("Dan")
    (result,) = await dan.inline("blues")
    sent = dan.choose(result, party.group)
    assert "Dan: Blues is on." in (await dan.press(sent, "Add")).text
    assert party.on_air is None if f"room-of-telegram:{party.group.id}" in party.rooms.rooms else True
    await party.ben.say("/now", party.group)
    party.ben.leave(party.group)
    (result,) = await party.ben.inline("chant")
    assert party.room.name == "Testers"
    assert "Ben: Chant is on." in (await party.ben.press(party.ben.choose(result, party.group), "Add")).text


async def test_a_title_like_a_link_to_a_payment_keeps_nothing_back(party: Party) -> None:
    """Telegram's bots may show no such link, whoever wrote it; the simulator fails any test in which one is shown."""
    title = "Aria of https://checkout.stripe.com/c/1 fame"
    sold = Track(TrackRef("library:9"), title, artist="stripe.com", length=180_000)
    party.library.tracks.insert(0, sold)
    party.resolver.parts = [Chapter(0, "https://music.example.org/premium")]
    first, second = await party.ben.inline("aria")
    assert (first["title"], first["description"], second["title"]) == ("Aria of … fame", "… · 3:00", "Aria")
    toast = await party.ben.press(party.ben.choose(first, party.group), "Add")
    assert toast.text == "Ben: Aria of … fame is on."
    chapters = await party.ben.say("/seek")
    assert chapters.button("0:00")["text"] == "0:00 …"


async def test_a_command_on_the_line_below_a_link_is_no_link(party: Party) -> None:
    text = "https://music.example.org/r/1\n/premium and /premiumé"
    sent = await party.client.bot.send_message(party.group.id, text)
    assert sent.text == without_links(sent.text or "") == text


async def test_my_room_is_chosen_by_a_button(party: Party) -> None:
    reply = await party.ben.say("/listen", party.group)
    await party.ben.say("/now")
    assert list(party.chats.visits.values()) == [f"telegram:{party.ben.id}"]
    assert "join the queue" in (await party.ben.press(reply, "Make this my room")).text
    assert list(party.chats.visits.values()) == [f"telegram:{party.group.id}"]
    assert "join the queue" in (await party.ben.say("/start room")).text


async def test_deep_links_and_the_way_to_listen(party: Party) -> None:
    reply = await party.ann.say("/start listen", party.group)
    assert reply.button("Listen")["url"] == f"https://music.example.org/r/room-of-telegram:{party.group.id}"
    reply = await party.ann.say("/start")
    assert reply.button("group")["url"].endswith("?startgroup=music")


async def test_reactions_vote_where_the_bot_is_an_administrator(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    party.ann.promote(party.group, party.telegram.bot)

    def votes() -> list[int]:
        return [vote.value for vote in party.room.current.entry.votes.values()] if party.room.current else []

    party.ben.react(party.group.live, "👍")
    await until(lambda: votes() == [1])
    party.ben.react(party.group.live, "👎")
    await until(lambda: votes() == [-1])
    party.ben.react(party.group.live)
    await until(lambda: votes() == [])
    party.ann.react(party.group.live, "👍")
    other = party.ben.post("/now", party.group)
    party.cyd.react(other, "👍")
    await party.ben.answered(other)
    assert votes() == []


async def test_a_chat_chooses_its_language(party: Party) -> None:
    assert "auto" in (await party.ann.say("/lang", party.group)).text
    assert "español" in (await party.ann.say("/lang es", party.group)).text
    assert (await party.ben.say("/now", party.group)).text.startswith("No suena nada")
    await party.stop()
    await party.start()
    assert (await party.ben.say("/now", party.group)).text.startswith("No suena nada")
    assert "auto" in (await party.ann.say("/lang auto", party.group)).text
    assert (await party.ben.say("/now", party.group)).text.startswith("Nothing is playing")


async def test_settings_policy_blocks_and_audit(party: Party) -> None:
    assert "administrators" in (await party.ben.say("/settings skip_threshold 60", party.group)).text
    assert "60%" in (await party.ann.say("/settings skip_threshold 60", party.group)).text
    assert "cannot be set" in (await party.ann.say("/settings colour 3", party.group)).text
    assert "There are:" in (await party.ann.say("/settings guests everybody", party.group)).text
    assert "skip: dj" in (await party.ann.say("/policy skip dj", party.group)).text
    assert "blocked here from now on" in (await party.ann.say("/block word blues", party.group)).text
    assert "word: blues" in (await party.ann.say("/block", party.group)).text
    assert "is blocked here" in (await party.ben.say("/play blues", party.group)).text
    assert "not blocked any more" in (await party.ann.say("/unblock word: blues", party.group)).text
    told = (await party.ann.say("/audit", party.group)).text
    assert "Ann" in told
    assert "skip_threshold" in told


async def test_favourites_history_and_lists(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    assert "one of your /favourites" in (await party.ben.say("/favourite", party.group)).text
    await party.ann.say("/skip", party.group)
    played = await party.ann.say("/history", party.group)
    assert "Aria" in played.text
    toast = await party.ann.press(played, "▶️ 1")
    assert "Aria is on." in toast.text
    stars = await party.ben.say("/favourites", party.group)
    assert "Aria" in (await party.ben.press(stars, "▶️ 1")).text
    assert "Aria" in (await party.ben.say("/again", party.group)).text
    exported = await party.ann.say("/export json", party.group)
    name = exported.payload["document"]["file_name"]
    file = party.telegram.files.by_id[exported.payload["document"]["file_id"]]
    await party.ann.say("/clear", party.group)
    again = party.ann.send_document(file.data, party.group, name=name)
    assert "Added 3 tracks." in (await party.ann.say("/import", party.group, reply_to=again)).text
    assert "no list" in (await party.ann.say("/import", party.group)).text


async def test_a_list_that_is_too_large_is_not_even_asked_for(party: Party) -> None:
    sent = party.ann.send_document(bytes(LIST_BYTES + 1), party.group, name="long.m3u8")
    assert "too large" in (await party.ann.say("/import", party.group, reply_to=sent)).text
    assert not party.telegram.called("getFile")


async def test_the_sound(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    assert "No filter" in (await party.ann.say("/filter", party.group)).text
    assert "nightcore" in (await party.ann.say("/filter nightcore", party.group)).text
    assert "for 3 s" in (await party.ann.say("/crossfade 3", party.group)).text
    assert "0 to 12" in (await party.ann.say("/crossfade much", party.group)).text
    assert "were recorded" in (await party.ann.say("/loudness off", party.group)).text


@pytest.fixture
async def hooked(party: Party) -> AsyncIterator["TestClient[Any, Any]"]:
    """The party's bot with a webhook in place of polling."""
    await party.stop()

    async def take(update: dict[str, Any]) -> bool:
        await party.client.receive(update)
        return True

    async with TestClient(TestServer(webhook_app(take, KEYS))) as http:
        party.telegram.webhooks["https://music.example.org/hook"] = str(http.make_url(""))
        party.client = make_client(party, webhook=Webhook("https://music.example.org/hook", secret_of(KEYS[0])))
        await party.client.start()
        task = asyncio.create_task(party.client.run())
        await party.telegram.ready()
        yield http
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await party.client.stop()
        await party.start()


async def test_updates_that_are_brought(party: Party, hooked: "TestClient[Any, Any]") -> None:
    assert "Aria is on." in (await party.ann.say("/play aria", party.group)).text
    party.telegram.faults.double_updates()
    await party.ann.say("/play blues", party.group)
    await party.ann.say("/now", party.group)
    assert party.waiting == ["Blues"]
    assert party.telegram.updates.last_error is None


async def test_a_wrong_secret_and_nonsense_are_refused(party: Party, hooked: "TestClient[Any, Any]") -> None:
    update = {"update_id": 1, "message": {"text": "/play aria"}}
    for secret in ("", "wrong", secret_of(KEYS[0])[:-1]):
        async with hooked.post("", json=update, headers={HEADER: secret}) as answer:
            assert answer.status == 401
    for secret, body, status in ((KEYS[1], b"[]", 400), (KEYS[0], b"{", 400), (KEYS[1], b'{"update_id": 1}', 200)):
        async with hooked.post("", data=body, headers={HEADER: secret_of(secret)}) as answer:
            assert answer.status == status
    assert party.on_air is None if party.rooms.rooms else True
