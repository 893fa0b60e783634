"""/link, /unlink, /me and /live in a chat."""

from tests.cogs.telegram.conftest import Party
from tests.waiting import until

ADDRESS = "rtmps://dc4-1.rtmp.example.org/s/s3cr3t-key"


async def test_a_chat_is_linked_by_its_administrators(party: Party) -> None:
    assert "/link CODE" in (await party.ann.say("/link", party.group)).text
    code = await party.codes.issue("room", "room-of-7")
    assert "Only the administrators" in (await party.ben.say(f"/link {code}", party.group)).text
    assert "shares the room" in (await party.ann.say(f"/link {code}", party.group)).text
    place = f"telegram:{party.group.id}"
    assert party.links.linked == {place: "room-of-7"}
    assert "does not work" in (await party.ann.say(f"/link {code}", party.group)).text
    assert "Only the administrators" in (await party.ben.say("/unlink", party.group)).text
    assert "of its own again" in (await party.ann.say("/unlink", party.group)).text
    assert party.links.linked == {}


async def test_guesses_are_counted(party: Party) -> None:
    for _ in range(5):
        assert "does not work" in (await party.ann.say("/link AAAAA-AAAAA", party.group)).text
    assert "Try again in 60 seconds" in (await party.ann.say("/link AAAAA-AAAAA", party.group)).text


async def test_accounts_are_one_person_by_a_code_that_is_shown_in_private(party: Party) -> None:
    assert "privately" in (await party.ben.say("/me link", party.group)).text
    assert "Your code is K1" in (await party.ben.say("/me link")).text
    assert "You and Ben are one person" in (await party.cyd.say("/me K1")).text
    ((one, other),) = party.people.linked
    assert (one.name, other.name) == ("Ben", "Cyd")
    assert "somebody of its own" in (await party.cyd.say("/me unlink")).text
    assert party.people.linked == []


async def test_the_key_of_a_live_stream_is_given_in_private_and_goes(party: Party) -> None:
    assert "nowhere" in (await party.ann.say("/live", party.group)).text
    assert "Only the administrators" in (await party.ben.say("/live start", party.group)).text
    asked = await party.ann.say("/live start", party.group)
    payload = asked.button("privately")["url"].partition("?start=")[2]
    assert payload == f"live_{party.group.id}"
    assert f"/live {party.group.id} rtmps://" in (await party.ann.say(f"/start {payload}")).text
    assert "Only the administrators" in (await party.ben.say(f"/live {party.group.id} {ADDRESS}")).text
    assert "one queue" in (await party.ann.say("/start live_--5")).text, "that is no chat"
    sent = party.ann.post(f"/live {party.group.id} {ADDRESS}")
    told = await party.ann.answered(sent)
    assert "is sent to rtmps://dc4-1.rtmp.example.org/s from now on" in told.text
    assert sent.deleted
    room = f"room-of-telegram:{party.group.id}"
    (push,) = party.pushes.rows.values()
    assert (push.room, push.address) == (room, ADDRESS)
    shown = (await party.ann.say("/live", party.group)).text
    assert "rtmps://dc4-1.rtmp.example.org/s" in shown
    assert "s3cr3t" not in shown
    assert "no more" in (await party.ann.say("/live off", party.group)).text
    assert "sent there again" in (await party.ann.say("/live on 1", party.group)).text
    assert "forgotten" in (await party.ann.say("/live forget", party.group)).text
    assert "no such push" in (await party.ann.say("/live off 3", party.group)).text


async def test_a_key_that_everybody_read_is_not_used(party: Party) -> None:
    party.ann.promote(party.group, party.telegram.bot, can_delete_messages=True)
    sent = party.ann.post(f"/live {ADDRESS}", party.group)
    await until(lambda: sent.deleted)
    await until(lambda: any("could be read by everybody" in text for text in party.group.said))
    assert "nowhere" in (await party.ann.say("/live", party.group)).text
