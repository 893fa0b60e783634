"""The commands that change the order of things, and the polls that they become."""

from dataclasses import replace

from core.enums import Mode
from tests.cogs.conftest import Party
from tests.fakes import track
from tests.waiting import until


async def play(party: Party, *titles: str) -> None:
    """Ann queues these."""
    for title in titles:
        await party.ann.slash("play", query=title, in_=party.chat)
    await party.there("Ann", "Ben", "Cyd")


async def waiting(party: Party) -> list[str]:
    """Titles in the order in which they play."""
    view = await party.client.surface.ports.jukebox.view(party.room.id, None, size=50)
    return [entry.track.title for entry in view.upcoming]


async def test_move_swap_and_back(party: Party) -> None:
    await play(party, "aria", "blues", "chant", "dirge")
    moved = await party.ann.slash("move", track="3", position=1)
    assert moved.text == "**Dirge** is number 1 now.\nUndo"
    assert await waiting(party) == ["Dirge", "Blues", "Chant"]
    assert (await party.ann.slash("swap", first="1", second="3")).text.startswith("**Dirge** is number 3 now.")
    assert await waiting(party) == ["Chant", "Blues", "Dirge"]
    assert (await party.ann.slash("undo")).text == "Undone: the order is as it was."
    assert await waiting(party) == ["Dirge", "Blues", "Chant"]
    assert "Choose something from 1 to 3" in (await party.ann.slash("move", track="3", position=99)).text
    assert (await party.ben.slash("move", track="1", position=2)).text.startswith("Only a DJ can do that")


async def test_several_go_and_come_back_by_the_button(party: Party) -> None:
    party.library.tracks += [track(f"Song {number}") for number in range(6)]
    await play(party, "aria", *(f"song {number}" for number in range(6)))
    gone = await party.ann.slash("remove", track="1 3-4")
    assert gone.text.startswith("Removed 3 tracks.")
    assert await waiting(party) == ["Song 1", "Song 4", "Song 5"]
    undone = await party.ann.press(gone, "Undo")
    assert undone.updated
    assert undone.text == "Undone: 3 tracks are back."
    assert len(await waiting(party)) == 6
    again = await party.ann.slash("undo")
    assert again.text == "There is nothing to undo: it takes back what is at most 30 s old."


async def test_no_number_is_too_long(party: Party) -> None:
    await play(party, "aria", "blues")
    assert "not waiting any more" in (await party.ann.slash("remove", track="#" + "9" * 5000)).text
    assert "not waiting any more" in (await party.ann.slash("again", track="#" + "9" * 5000)).text
    assert await waiting(party) == ["Blues"]


async def test_everything_of_a_member_goes(party: Party) -> None:
    await play(party, "aria", "blues")
    await party.ben.slash("play", query="chant")
    assert "somebody else's" in (await party.cyd.slash("remove", member=party.ben)).text
    admin = party.guild.member("Root", admin=True)
    assert (await admin.slash("remove", member=party.ben)).text.startswith("Removed **Chant**.")
    assert (await admin.slash("remove", member=party.ben)).text == "Ben has nothing waiting."
    assert await waiting(party) == ["Blues"]
    assert "not waiting any more" in (await admin.slash("remove")).text


async def test_undo_is_for_whoever_did_it(party: Party) -> None:
    await play(party, "aria", "blues")
    await party.ann.slash("remove", track="1")
    assert "Only a DJ" in (await party.ben.slash("undo")).text
    party.clock.move(31_000)
    assert "at most 30 s" in (await party.ann.slash("undo")).text


async def test_a_shuffle_is_asked_and_explained(party: Party) -> None:
    await play(party, "aria", "blues", "chant", "dirge")
    asked = await party.ben.slash("shuffle")
    assert asked.text == "1 of 2 voted to shuffle the queue; one more, or 2 listeners leaving."
    why = (await party.cyd.slash("why")).text
    assert why.startswith("**1 of 2** voted to shuffle the queue; one more, or 2 listeners leaving. It ends <t:")
    assert (await party.cyd.slash("shuffle")).text == "The vote to shuffle the queue passed."
    assert (await party.cyd.slash("why")).text.startswith("No vote is running.")
    admin = party.guild.member("Root", admin=True)
    assert (await admin.slash("shuffle")).text.startswith("Shuffled.")
    await admin.slash("clear")
    assert (await admin.slash("shuffle")).text == "There is nothing to shuffle."


async def test_modes_are_explained_asked_and_set(party: Party) -> None:
    await play(party, "aria")
    assert (await party.ben.slash("mode")).text == (
        "**Fair turns** decides the order. Everybody takes turns; votes decide inside a turn."
    )
    assert (await party.ben.slash("mode", order="votes")).text.startswith("1 of 2 voted to let votes alone decide")
    assert "is asked already whether to let votes alone" in (await party.cyd.slash("mode", order="fifo")).text
    admin = party.guild.member("Root", admin=True)
    assert (await admin.slash("mode", order="dj")).text.startswith("**A dj’s order** decides")
    assert party.room.mode is Mode.DJ
    assert "Only a DJ" in (await party.ben.slash("play", query="blues")).text


async def test_a_locked_queue_takes_from_djs_alone(party: Party) -> None:
    await play(party, "aria")
    assert "Only a DJ" in (await party.ben.slash("lock")).text
    admin = party.guild.member("Root", admin=True)
    assert (await admin.slash("lock")).text == "The queue is locked: only DJs add to it."
    assert (await admin.slash("lock", locked=True)).text == "The queue is locked already."
    assert (await party.ben.slash("play", query="blues")).text == "The queue is locked: only DJs add to it for now."
    assert "🔒 locked" in (await party.ben.slash("queue")).text
    assert (await admin.slash("lock")).text == "The queue is open to everybody."


async def test_jump_previous_and_loop(party: Party) -> None:
    await play(party, "aria", "blues", "chant")
    admin = party.guild.member("Root", admin=True)
    assert (await admin.slash("jump", track="2")).text == "**Chant** is on."
    assert party.on_air == "Chant"
    assert (await party.ben.slash("previous")).text.startswith("1 of 2 voted to go back to the track before")
    assert (await admin.slash("previous")).text == "Back to the track before."
    assert party.on_air == "Aria"
    assert (await party.ben.slash("loop", what="queue")).text == "Repeated: the queue."
    assert (await admin.slash("loop", what="off")).text == "Repeated: nothing."


async def test_next_and_later(party: Party) -> None:
    await play(party, "aria", "blues")
    assert "Only a DJ" in (await party.ben.slash("play", query="chant", next=True)).text
    admin = party.guild.member("Root", admin=True)
    await admin.join(party.music)
    assert (await admin.slash("play", query="chant", next=True)).text.startswith("**Chant** is number 1")
    await admin.slash("settings", timezone="Europe/Madrid")
    told = (await party.ben.slash("play", query="dirge", at="in 20 min")).text
    at = (party.clock.now() + 20 * 60_000) // 1000
    assert told == f"**Dirge** plays at <t:{at}:t> (<t:{at}:R>; the time zone here is Europe/Madrid)."
    entry = next(one for one in party.room.entries.values() if one.track.title == "Dirge")
    assert entry.starts_at == at * 1000
    assert (await party.ben.slash("play", query="dirge", at="soon")).text == "Write a time such as 18:00, or in 20 min."
    assert "Choose" in (await party.ben.slash("play", query="dirge", at="900 h")).text


async def test_the_panel_asks_and_takes_votes(party: Party) -> None:
    await play(party, "aria", "blues", "chant")
    await party.discord.until(lambda: party.chat.messages, what="the panel")
    await party.ben.slash("shuffle")
    panel = party.chat.messages[0]
    await until(lambda: "1 of 2 to shuffle the queue · ends <t:" in panel.text, within=8, what="the poll on the panel")
    seed = party.room.shuffle
    yes = next(
        one["custom_id"] for row in panel.components for one in row["components"] if "yes.shuffle" in one["custom_id"]
    )
    assert (await party.cyd.press(panel, custom_id=yes)).text == "The vote to shuffle the queue passed."
    assert party.room.shuffle != seed


async def test_a_yes_that_comes_too_late_asks_nothing_anew(party: Party) -> None:
    await play(party, "aria", "blues", "chant")
    await party.discord.until(lambda: party.chat.messages, what="the panel")
    await party.ben.slash("stop")
    panel = party.chat.messages[0]
    await until(lambda: "stop and empty" in panel.text, within=8, what="the poll on the panel")
    yes = next(
        one["custom_id"] for row in panel.components for one in row["components"] if "yes.stop" in one["custom_id"]
    )
    party.room.polls["stop"] = replace(party.room.polls["stop"], deadline=party.clock.now() + 1_000_000)
    assert (await party.cyd.press(panel, custom_id=yes)).text == "That vote is over."
    assert party.on_air == "Aria"


async def test_the_panels_new_buttons(party: Party) -> None:
    await play(party, "aria", "blues", "chant")
    await party.discord.until(lambda: party.chat.messages, what="the panel")
    panel = party.chat.messages[0]
    entry = party.room.current.entry.id if party.room.current else 0

    def button(action: str) -> str:
        return f"chorus:{action}:{party.room.id}:{entry}"

    assert (await party.ben.press(panel, custom_id=button("loop"))).text == "Repeated: the queue."
    kept = await party.ben.press(panel, custom_id=button("favourite"))
    assert kept.text == "**Aria** is one of your /favourites now."
    assert (await party.ben.press(panel, custom_id=button("shuffle"))).text.startswith("1 of 2 voted to shuffle")
    assert (await party.ben.press(panel, custom_id=button("previous"))).text.startswith("Nothing has played yet")
