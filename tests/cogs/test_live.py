"""/live: admins alone, without a key in any answer."""

from tests.cogs.conftest import Party

ADDRESS = "rtmps://live.example/app/s3cr3t"


async def test_an_admin_starts_looks_switches_and_forgets(party: Party) -> None:
    admin = party.guild.member("Root", admin=True)
    assert "nowhere" in (await admin.slash("live list")).text
    started = await admin.slash("live start", address=ADDRESS, picture=True)
    assert started.ephemeral
    assert "rtmps://live.example/app" in started.text
    (push,) = await party.pushes.of(party.room.id)
    assert (push.address, push.picture, push.on) == (ADDRESS, True, True)
    party.playback.states[push.id] = "rejected"
    listed = await admin.slash("live list")
    assert "is the key right?" in listed.text
    assert (await admin.slash("live off", push=push.id)).text.startswith("The room is sent there no")
    assert "off" in (await admin.slash("live list")).text
    assert (await admin.slash("live on", push=push.id)).text == "The room is sent there again."
    assert (await admin.slash("live on", push=push.id)).text == "It was on already."
    assert "forgotten" in (await admin.slash("live forget", push=push.id)).text
    assert "no such push" in (await admin.slash("live off", push=push.id)).text
    assert not await party.pushes.of(party.room.id)
    assert "s3cr3t" not in repr((started.text, listed.text))


async def test_what_is_no_such_address_is_told(party: Party) -> None:
    admin = party.guild.member("Root", admin=True)
    told = await admin.slash("live start", address="https://live.example/app/s3cr3t")
    assert "rtmp://" in told.text
    assert "s3cr3t" not in told.text


async def test_others_may_not(party: Party) -> None:
    party.guild.reveal("live")
    told = await party.ann.slash("live start", address=ADDRESS)
    assert "manage the server" in told.text
    assert not await party.pushes.of(party.room.id)
