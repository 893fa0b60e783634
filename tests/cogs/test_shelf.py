"""Favourites, history, lists; blocklist, policy, audit."""

import json
from typing import Any

from cogs.discord import pages
from core.enums import EndReason
from core.ports.tracks import Found
from tests.cogs.conftest import Party
from tests.fakes import track


async def play(party: Party, *titles: str) -> None:
    """Ann queues these."""
    for title in titles:
        await party.ann.slash("play", query=title, in_=party.chat)
    await party.there("Ann", "Ben", "Cyd")


async def played(party: Party, *titles: str) -> None:
    """These have been heard."""
    for title in titles:
        await party.ann.slash("play", query=title, in_=party.chat)
        current = party.room.current
        assert current is not None
        await party.reports.track_started(party.room.id, current.entry.id, node="n")
        party.clock.move(60_000)
        await party.reports.track_ended(party.room.id, current.entry.id, EndReason.FINISHED)


def select(reply: Any) -> str:
    """The id of a reply's menu."""
    return next(one["custom_id"] for row in reply.components for one in row["components"] if one["type"] == 3)


def button(reply: Any, action: str) -> str:
    return next(
        one["custom_id"]
        for row in reply.components
        for one in row["components"]
        if one["custom_id"].startswith(f"chorus:{action}:")
    )


async def test_favourites_are_kept_shown_and_played(party: Party) -> None:
    await play(party, "aria", "blues")
    assert "No favourites yet" in (await party.ben.slash("favourites")).text
    assert (await party.ben.slash("favourite")).text == "**Aria** is one of your /favourites now."
    assert (await party.ben.slash("favourite", track="1")).text == "**Blues** is one of your /favourites now."
    page = await party.ben.slash("favourites")
    assert page.ephemeral
    assert "`1.` **Blues** · 3:00\n`2.` **Aria** · 3:00" in page.text
    assert "Favourites" not in (await party.cyd.slash("favourites")).text.split("\n")[1]
    one = await party.ben.press(page, custom_id=select(page), values=["library:Aria"])
    assert one.text.startswith("**Aria** is number")
    everything = await party.ben.press(page, custom_id=button(page, "favourites.all"))
    assert everything.text == "Added 2 tracks."
    assert "is none of your favourites any more" in (await party.ben.slash("favourite")).text
    assert "**Aria**" not in (await party.ben.slash("favourites")).text


async def test_many_favourites_are_paged(party: Party) -> None:
    shelf = party.client.surface.ports.jukebox._shelf  # pyright: ignore[reportPrivateUsage]
    person = await party.client.people.person(party.client.get_guild(party.guild.id).get_member(party.ben.id))  # pyright: ignore[reportOptionalMemberAccess, reportArgumentType]
    for number in range(25):
        await shelf.keep(person, track(f"Kept {number}"))
    first = await party.ben.slash("favourites")
    second = await party.ben.press(first, custom_id=button(first, "favourites.on"))
    assert second.updated
    assert "`11.` **Kept 14**" in second.text
    third = await party.ben.press(second, custom_id=button(second, "favourites.on"))
    assert "`25.` **Kept 0**" in third.text
    assert "favourites.on" not in str(third.components)
    assert "`11.` **Kept 14**" in (await party.ben.press(third, custom_id=button(third, "favourites"))).text


async def test_history_and_again(party: Party) -> None:
    assert "Nothing has played yet." in (await party.ben.slash("history")).text
    assert (await party.ben.slash("again")).text == "Nothing has played yet that could play again."
    await played(party, "aria", "blues")
    page = await party.ben.slash("history")
    assert "**Blues** · heard for 1:00 · <t:" in page.text
    assert page.text.index("Blues") < page.text.index("Aria")
    first = party.rooms.played[0].entry
    assert (await party.ben.press(page, custom_id=select(page), values=[str(first)])).text == "**Aria** is on."
    assert (await party.ben.slash("again")).text.startswith("**Blues** is number 1")
    choices = await party.ben.autocomplete("again", "track", "ar")
    assert [one["name"] for one in choices] == ["Aria"]
    assert (await party.ben.slash("again", track=choices[0]["value"])).text.startswith("**Aria** is number 2")
    assert "not waiting any more" in (await party.ben.slash("again", track="no such title")).text


async def test_a_long_history_is_paged(party: Party) -> None:
    party.library.tracks = [track(f"Song {number:02}") for number in range(pages.SIZE + 3)]
    await played(party, *(f"song {number:02}" for number in range(pages.SIZE + 3)))
    first = await party.ben.slash("history")
    assert "Song 12" in first.text
    second = await party.ben.press(first, custom_id=button(first, "history.on"))
    assert "Song 02" in second.text
    assert "Song 03" not in second.text
    assert "Song 12" in (await party.ben.press(second, custom_id=button(second, "history"))).text


async def test_a_list_goes_out_and_comes_back(party: Party) -> None:
    await play(party, "aria", "blues", "chant")
    out = await party.ben.slash("export", kind="json")
    (file,) = out.message.payload["attachments"]
    assert out.text.startswith("3 tracks.")
    assert file["filename"].endswith(".json")
    listed = party.discord.upload("list.m3u8", b"#EXTM3U\nchorus:library:Dirge\nno such thing\n")
    party.resolver.remote["no such thing"] = Found(())
    back = await party.ben.slash("import", file=listed)
    assert back.deferred
    assert back.text.startswith("Added 1 track.")
    assert "1 is not known here: “no such thing”." in back.text
    binary = party.discord.upload("list.m3u8", bytes(range(256)) * 8)
    assert "That is no list of tracks" in (await party.ben.slash("import", file=binary)).text
    large = party.discord.upload("list.json", json.dumps(["x" * 100] * 20_000).encode())
    assert (await party.ben.slash("import", file=large)).text == "That file is too large."


async def test_a_blocklist_is_kept_by_admins(party: Party) -> None:
    admin = party.guild.member("Root", admin=True)
    await admin.join(party.music)
    assert (await admin.slash("block list")).text.startswith("Nothing is blocked here.")
    assert (await admin.slash("block add", kind="word", value="Blues")).text == "That is blocked here from now on."
    assert (await admin.slash("block add", kind="word", value="blues")).text == "That is blocked already."
    assert "is blocked here, by the word “blues”" in (await party.ben.slash("play", query="blues")).text
    await play_all(party, "aria")
    assert (await admin.slash("block add", kind="track")).text == "That is blocked here from now on."
    assert (await party.ben.slash("play", query="aria")).text == "**Aria** is blocked here."
    listed = (await admin.slash("block list")).text
    assert "word: **blues**" in listed
    (line, *_) = await admin.autocomplete("block remove", "line", "blu")
    assert (await admin.slash("block remove", line=line["value"])).text == "That is not blocked any more."
    assert (await admin.slash("block remove", line="nonsense")).text == "That was not blocked."
    revealed(party, "block")
    assert "Only those who may manage the server" in (await party.ben.slash("block add", kind="word", value="x")).text


async def play_all(party: Party, title: str) -> None:
    await party.ann.slash("play", query=title, in_=party.chat)


def revealed(party: Party, name: str) -> None:
    """As a guild's integration settings may have it."""
    (command,) = (one for one in party.discord.commands if one["name"] == name)
    command["default_member_permissions"] = None


async def test_the_policys_cells_are_changed_and_refused_by_name(party: Party) -> None:
    admin = party.guild.member("Root", admin=True)
    assert (await admin.slash("policy")).text == "Everything is as usual: /policy changes it."
    actions = await admin.autocomplete("policy", "action", "shuf")
    assert [one["value"] for one in actions] == ["shuffle"]
    roles = await admin.autocomplete("policy", "roles", "dj, lis", action="shuffle")
    assert [one["value"] for one in roles] == ["dj, listener"]
    changed = await admin.slash("policy", action="shuffle", roles="listener, dj")
    assert "shuffle: listener, dj" in changed.text
    await play(party, "aria", "blues", "chant")
    assert (await party.ben.slash("shuffle")).text.startswith("Shuffled.")
    wrong = await admin.slash("policy", action="shuffle", roles="dancers")
    assert "“dancers” is no choice. There are: " in wrong.text
    assert "is no choice" in (await admin.slash("policy", action="dance", roles="dj")).text
    assert (await admin.slash("policy", action="shuffle", roles="default")).text.startswith("Everything is as usual")


async def test_the_audit_tells_who_changed_what(party: Party) -> None:
    admin = party.guild.member("Root", admin=True)
    assert "Nothing has been changed yet." in (await admin.slash("audit")).text
    for number in range(12):
        await admin.slash("settings", default_volume=50 + number)
    page = await admin.slash("audit")
    assert page.pings == []
    assert f"<@{admin.id}>" in page.text
    assert "default\\_volume: 60 → 61" in page.text
    await party.stop()
    await party.start()
    await party.ann.join(party.music)
    by_name = await party.guild.member("Chief", admin=True).slash("audit")
    assert "· Root · settings.changed" in by_name.text  # nobody has met Root since the restart
    older = await admin.press(page, custom_id=button(page, "audit.on"))
    assert "100 → 50" in older.text
    revealed(party, "audit")
    assert "Only those who may manage the server" in (await party.ben.slash("audit")).text


async def test_the_rest_of_the_settings(party: Party) -> None:
    admin = party.guild.member("Root", admin=True)
    zones = await admin.autocomplete("settings", "timezone", "madr")
    assert zones[0]["value"] == "Europe/Madrid"
    told = await admin.slash(
        "settings", turns="airtime", duplicates="block", leavers="park", timezone=zones[0]["value"]
    )
    for line in ("**Turns are counted in**: minutes played", "already**: refused", "**Time zone**: Europe/Madrid"):
        assert line in told.text
    await play(party, "aria")
    assert (await party.ben.slash("play", query="aria")).text == "**Aria** waits or plays already."
    assert "cannot be set to that" in (await admin.slash("settings", timezone="Mars/Base")).text


async def test_titles_never_ping_on_any_page(party: Party) -> None:
    evil = "@everyone <@1> **bold** " + "*" * 300
    party.library.tracks = [track(evil)]
    await play(party, "bold")
    told = [await party.ben.slash(command) for command in ("favourite", "favourites", "again", "export")]
    await played(party, "bold")
    told += [
        await party.ben.slash("history"),
        await party.ben.slash("mode"),
        await party.ann.slash("remove", track="1"),
    ]
    admin = party.guild.member("Root", admin=True)
    await admin.slash("block add", kind="word", value="@everyone " + "*" * 60)
    told += [await admin.slash("block list"), await admin.slash("audit"), await party.ben.slash("play", query="bold")]
    for reply in told:
        assert reply.pings == []
        assert "@everyone" not in "".join([reply.content, *(str(embed) for embed in reply.embeds)])


async def test_a_file_that_cannot_be_fetched_says_so(party: Party) -> None:
    file = party.discord.upload("list.m3u8", b"#EXTM3U\n")
    party.discord.attachments.clear()
    assert (await party.ben.slash("import", file=file)).text == "The server cannot be reached."
    file = party.discord.upload("empty.m3u8", b"#EXTM3U\n")
    assert (await party.ben.slash("import", file=file)).text == "There is no track in that file."
