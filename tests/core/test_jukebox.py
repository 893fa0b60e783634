"""What people do, through the public way in."""

import pytest

from core.enums import EndReason, Guests, PauseReason, Surface
from core.errors import (
    AnotherChannelError,
    ForbiddenError,
    NoSuchEntryError,
    NoSuchSettingError,
    NothingFoundError,
    NothingPlayingError,
    NotListeningError,
    NotSeekableError,
    OutOfRangeError,
    OwnEntryError,
    QueueFullError,
    TooLongError,
    TooManyEntriesError,
)
from core.ports.tracks import Found
from core.records.results import Changed
from core.types import Actor, CommandId, EntryId, PersonId, PlaceId, Settings, Vote
from tests.core.conftest import GUILD, ROOM, VOICE, World
from tests.fakes import track


async def queued(world: World, name: str, *titles: str, length: int | None = 180_000) -> list[EntryId]:
    tracks = [track(title, length) for title in titles]
    return list((await world.jukebox.add(ROOM, world.member(name), tracks)).entries)


async def test_play_finds_queues_joins_and_starts(guild: World) -> None:
    result = await guild.jukebox.play(ROOM, guild.member("ann"), "ari")
    assert (result.track.title, result.rank, result.wait) == ("Aria", 0, 0)
    assert guild.room.voice_channel == VOICE
    assert guild.on_air == "Aria"
    assert guild.names() == [
        "room.output.changed",
        "room.people.changed",
        "queue.entry.queued",
        "music.play.chosen",
    ]
    later = await guild.jukebox.play(ROOM, guild.member("ben"), "blues")
    assert (later.rank, later.wait) == (1, 180_000)


async def test_wait_counts_what_is_left_of_the_current_and_all_that_is_ahead(guild: World) -> None:
    await queued(guild, "ann", "A", "B")
    assert guild.room.current is not None
    await guild.reports.track_started(ROOM, guild.room.current.entry.id, node="n")
    guild.clock.move(100_000)
    result = await guild.jukebox.play(ROOM, guild.member("ann"), "chant")
    assert result.wait == 80_000 + 180_000
    assert (await guild.jukebox.view(ROOM, None)).position == 100_000


async def test_a_live_track_ahead_makes_the_wait_unknown(guild: World) -> None:
    await queued(guild, "ann", "Radio", length=None)
    result = await guild.jukebox.play(ROOM, guild.member("ben"), "chant")
    assert result.wait is None
    with pytest.raises(NotSeekableError):
        await guild.jukebox.seek(ROOM, guild.member("ann"), 1_000)


async def test_turns_alternate_and_a_latecomer_catches_up_by_one_round(guild: World) -> None:
    await queued(guild, "ann", "A1", "A2", "A3", "A4")
    await queued(guild, "ben", "B1", "B2")
    for expected in ("B1", "A2", "B2", "A3"):
        assert guild.room.current is not None
        await guild.reports.track_started(ROOM, guild.room.current.entry.id, node="n")
        guild.clock.move(180_000)
        await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
        assert guild.on_air == expected
    await queued(guild, "cyd", "C1", "C2", "C3")
    assert await guild.waiting() == ["C1", "A4", "C2", "C3"]


async def test_why_tells_turn_round_score_and_wait(guild: World) -> None:
    await queued(guild, "ann", "A1", "A2", "A3")
    (entry,) = await queued(guild, "ben", "B1")
    await guild.voice("ann", "ben", "cyd")
    await guild.jukebox.vote(ROOM, guild.member("cyd"), entry, 1)
    why = await guild.jukebox.why(ROOM, entry)
    assert (why.turn, why.score, why.ahead, why.wait, why.locked) == (1, 1, 0, 180_000, False)
    assert await guild.reports.lock_next(ROOM) == entry
    assert (await guild.jukebox.why(ROOM, entry)).locked
    with pytest.raises(NoSuchEntryError):
        await guild.jukebox.why(ROOM, EntryId(99))


async def test_votes_decide_inside_a_turn_and_can_be_withdrawn(guild: World) -> None:
    await queued(guild, "ann", "A1", "A2", "A3")
    third = max(guild.room.entries)
    voted = await guild.jukebox.vote(ROOM, guild.member("ben"), third, 1)
    assert (voted.title, voted.score, voted.rank) == ("A3", 1, 1)
    assert await guild.waiting() == ["A3", "A2"]
    assert (await guild.jukebox.vote(ROOM, guild.member("ben"), third, -1)).score == -1
    assert await guild.waiting() == ["A2", "A3"]
    view = await guild.jukebox.view(ROOM, PersonId("ben"))
    assert (view.upcoming[1].down, view.upcoming[1].my_vote) == (1, -1)
    assert (await guild.jukebox.vote(ROOM, guild.member("ben"), third, 0)).score == 0
    assert guild.room.entries[third].votes == {}
    assert (await guild.jukebox.vote(ROOM, guild.member("ben"), third, 0)).score == 0


async def test_a_vote_that_became_ones_own_does_not_count(guild: World) -> None:
    """Two accounts turn out to be one person: the vote of one for the other's track is a self-vote now."""
    entries = await queued(guild, "ann", "A1", "A2", "A3")
    await guild.voice("ann", "ben")
    guild.room.entries[entries[2]].votes[PersonId("ann")] = Vote(1, 0)
    guild.room.order = None
    assert await guild.waiting() == ["A2", "A3"]
    assert (await guild.jukebox.why(ROOM, entries[2])).score == 0


async def test_votes_that_are_refused(guild: World) -> None:
    first, second = await queued(guild, "ann", "A1", "A2")
    with pytest.raises(OwnEntryError):
        await guild.jukebox.vote(ROOM, guild.member("ann"), second, 1)
    with pytest.raises(OutOfRangeError):
        await guild.jukebox.vote(ROOM, guild.member("ben"), second, 2)
    with pytest.raises(NotListeningError):
        await guild.jukebox.vote(ROOM, guild.member("ben", channel=None), second, 1)
    await guild.reports.track_ended(ROOM, first, EndReason.FINISHED)
    with pytest.raises(NoSuchEntryError):
        await guild.jukebox.vote(ROOM, guild.member("ben"), first, 1)


async def test_votes_count_for_ten_minutes_after_leaving(guild: World) -> None:
    entries = await queued(guild, "ann", "A1", "A2", "A3")
    await guild.voice("ann", "ben")
    await guild.jukebox.vote(ROOM, guild.member("ben"), entries[2], 1)
    await guild.voice("ann")
    guild.clock.move(599_000)
    assert await guild.waiting() == ["A3", "A2"]
    guild.clock.move(1_000)
    assert await guild.waiting() == ["A2", "A3"]
    await guild.reports.tick(ROOM)
    await guild.voice("ann", "ben")
    assert await guild.waiting() == ["A3", "A2"]


async def test_a_repeated_command_returns_the_first_result(guild: World) -> None:
    one = CommandId("discord:1")
    first = await guild.jukebox.play(ROOM, guild.member("ann"), "aria", command_id=one)
    again = await guild.jukebox.play(ROOM, guild.member("ann"), "aria", command_id=one)
    assert again == first
    assert len(guild.room.entries) == 0


async def test_where_somebody_has_to_be(guild: World) -> None:
    with pytest.raises(NotListeningError):
        await guild.jukebox.play(ROOM, guild.member("ann", channel=None), "aria")
    with pytest.raises(NotListeningError):
        await guild.jukebox.play(ROOM, guild.member("ann", channel=None, dj=True), "aria")
    assert guild.resolver.asked == []
    await guild.jukebox.play(ROOM, guild.member("ann"), "aria")
    with pytest.raises(AnotherChannelError) as refused:
        await guild.jukebox.play(ROOM, guild.member("ben", channel=11), "aria")
    assert refused.value.channel == VOICE
    await guild.voice()
    await guild.jukebox.play(ROOM, guild.member("ben", channel=11), "aria")
    assert guild.room.voice_channel == 11


async def test_caps(guild: World) -> None:
    guild.room.settings = Settings(max_entries_per_person=2, max_queue=3, max_length=200_000)
    ann, ben = guild.member("ann"), guild.member("ben")
    with pytest.raises(NothingFoundError):
        await guild.jukebox.add(ROOM, ann, [])
    with pytest.raises(TooLongError) as long:
        await guild.jukebox.add(ROOM, ann, [track("Opera", 200_001)])
    assert (long.value.title, long.value.limit) == ("Opera", 200_000)
    await queued(guild, "cyd", "first")
    result = await guild.jukebox.add(ROOM, ann, [track("a"), track("Opera", 300_000), track("b"), track("c")])
    assert (len(result.entries), result.dropped) == (2, 2)
    with pytest.raises(TooManyEntriesError):
        await guild.jukebox.add(ROOM, ann, [track("d")])
    assert (await guild.jukebox.add(ROOM, ben, [track("e"), track("f")])).dropped == 1
    with pytest.raises(QueueFullError):
        await guild.jukebox.add(ROOM, ben, [track("g")])


async def test_a_playlist_is_asked_for_up_to_the_caps(guild: World) -> None:
    guild.room.settings = Settings(max_entries_per_person=2)
    guild.resolver.remote["http://list"] = Found(tuple(track(f"t{i}") for i in range(5)), "List")
    assert len((await guild.jukebox.play(ROOM, guild.member("ann"), "http://list")).entries) == 2


async def test_removing(guild: World) -> None:
    _, second, third = await queued(guild, "ann", "A1", "A2", "A3")
    with pytest.raises(ForbiddenError) as refused:
        await guild.jukebox.remove(ROOM, guild.member("ben"), second)
    assert (refused.value.action, refused.value.needs) == ("remove", "dj")
    assert (await guild.jukebox.remove(ROOM, guild.member("ann"), second)).title == "A2"
    with pytest.raises(NoSuchEntryError):
        await guild.jukebox.remove(ROOM, guild.member("ann"), second)
    assert (await guild.jukebox.remove(ROOM, guild.member("ben", dj=True), third)).count == 1


async def test_removing_the_locked_entry_names_another(guild: World) -> None:
    _, second, third = await queued(guild, "ann", "A1", "A2", "A3")
    assert await guild.reports.lock_next(ROOM) == second
    assert await guild.reports.lock_next(ROOM) == second
    guild.names()
    await guild.jukebox.remove(ROOM, guild.member("ann"), second)
    assert guild.room.locked == third
    assert guild.names() == ["queue.entry.removed", "queue.next.locked", "queue.next.locked"]
    await guild.jukebox.clear(ROOM, guild.member("ann"))
    assert guild.room.locked is None


async def test_skipping_by_requester_and_by_a_dj_is_done_at_once(guild: World) -> None:
    await queued(guild, "ann", "A1", "A2")
    await guild.voice("ann", "ben", "cyd")
    assert (await guild.jukebox.skip(ROOM, guild.member("ann"))).done
    assert guild.on_air == "A2"
    assert guild.rooms.played[0].reason is EndReason.SKIPPED
    assert (await guild.jukebox.skip(ROOM, guild.member("cyd", dj=True))).title == "A2"
    with pytest.raises(NothingPlayingError):
        await guild.jukebox.skip(ROOM, guild.member("ann"))


async def test_a_skip_poll_passes_with_the_second_of_three(guild: World) -> None:
    (entry, _) = await queued(guild, "ann", "A1", "A2")
    await guild.voice("ann", "ben", "cyd")
    first = await guild.jukebox.skip(ROOM, guild.member("ben"), entry=entry)
    assert (first.done, first.votes, first.needed) == (False, 1, 2)
    again = await guild.jukebox.skip(ROOM, guild.member("ben"))
    assert (again.done, again.votes) == (False, 1)
    (poll,) = (await guild.jukebox.view(ROOM, PersonId("ben"))).polls
    assert (poll.votes, poll.needed, poll.electorate, poll.mine) == (1, 2, 3, True)
    passed = await guild.jukebox.skip(ROOM, guild.member("cyd"))
    assert (passed.done, passed.votes, passed.needed) == (True, 2, 2)
    assert guild.on_air == "A2"
    assert (guild.rooms.played[0].reason, guild.rooms.played[0].skips) == (EndReason.VOTED, 2)
    with pytest.raises(NoSuchEntryError):
        await guild.jukebox.skip(ROOM, guild.member("ben"), entry=entry)


async def test_likes_make_a_skip_harder(guild: World) -> None:
    (entry, _) = await queued(guild, "ann", "A1", "A2")
    names = ["ann", "ben", "cyd", "dan", "eve", "fay"]
    await guild.voice(*names)
    for liking in ("cyd", "dan", "eve", "fay"):
        assert (await guild.jukebox.vote(ROOM, guild.member(liking), entry, 1)).rank == 0
    assert (await guild.jukebox.skip(ROOM, guild.member("ben"))).needed == 3
    now = (await guild.jukebox.view(ROOM, None)).current
    assert now is not None
    assert (now.up, now.down) == (4, 0)


async def test_somebody_alone_skips_at_once(guild: World) -> None:
    await queued(guild, "ann", "A1", "A2")
    await guild.voice("ben")
    assert (await guild.jukebox.skip(ROOM, guild.member("ben"))).done


async def test_a_poll_runs_out_and_may_be_opened_again(guild: World) -> None:
    await queued(guild, "ann", "A1", "A2")
    await guild.voice("ann", "ben", "cyd", "dan")
    await guild.jukebox.skip(ROOM, guild.member("ben"))
    guild.clock.move(120_000)
    again = await guild.jukebox.skip(ROOM, guild.member("cyd"))
    assert (again.done, again.votes) == (False, 1)
    guild.clock.move(120_000)
    await guild.reports.tick(ROOM)
    assert guild.room.polls == {}
    assert guild.names()[-1] == "poll.closed"
    assert guild.on_air == "A1"


async def test_pause_resume_seek_and_volume(guild: World) -> None:
    ann = guild.member("ann")
    with pytest.raises(NothingPlayingError):
        await guild.jukebox.pause(ROOM, ann)
    (entry,) = await queued(guild, "ann", "A1")
    await guild.reports.track_started(ROOM, entry, node="n")
    guild.clock.move(10_000)
    assert (await guild.jukebox.pause(ROOM, ann)).changed
    assert not (await guild.jukebox.pause(ROOM, ann)).changed
    guild.clock.move(5_000)
    view = await guild.jukebox.view(ROOM, None)
    assert (view.position, view.running, view.paused) == (10_000, False, PauseReason.PERSON)
    assert (await guild.jukebox.seek(ROOM, ann, 60_000)).value == 60_000
    assert (await guild.jukebox.resume(ROOM, ann)).changed
    assert not (await guild.jukebox.resume(ROOM, ann)).changed
    guild.clock.move(5_000)
    assert (await guild.jukebox.view(ROOM, None)).position == 65_000
    with pytest.raises(OutOfRangeError):
        await guild.jukebox.seek(ROOM, ann, 180_000)
    for wrong in (-1, 201, 1_000):
        with pytest.raises(OutOfRangeError):
            await guild.jukebox.volume(ROOM, ann, wrong)
    assert await guild.jukebox.volume(ROOM, ann, 0) == Changed(changed=True, value=0)
    assert await guild.jukebox.volume(ROOM, ann, 0) == Changed(changed=False, value=0)
    guild.clock.move(400_000)
    assert (await guild.jukebox.view(ROOM, None)).position == 180_000
    await guild.reports.track_ended(ROOM, entry, EndReason.FINISHED)
    assert guild.rooms.played[0].heard == 10_000 + 405_000


@pytest.mark.parametrize("name", ["pause", "resume", "previous", "seek"])
async def test_what_is_about_a_track_that_somebody_saw_is_about_no_other(guild: World, name: str) -> None:
    ann = guild.member("ann", dj=True)
    command = getattr(guild.jukebox, name)
    where = (ROOM, ann, 5_000) if name == "seek" else (ROOM, ann)
    with pytest.raises(NoSuchEntryError):
        await command(*where, entry=EntryId(1))
    one, other = await queued(guild, "ann", "A1", "A2")
    await guild.jukebox.skip(ROOM, ann)
    before = guild.room.version
    with pytest.raises(NoSuchEntryError):
        await command(*where, entry=one)
    assert guild.room.version == before
    await command(*where, entry=other)
    assert guild.room.version > before


async def test_a_repeat_is_answered_as_the_first_though_another_track_plays_since(guild: World) -> None:
    ann = guild.member("ann", dj=True)
    _, seen = await queued(guild, "ann", "A1", "A2")
    await guild.jukebox.skip(ROOM, ann)
    for _ in range(2):
        result = await guild.jukebox.previous(ROOM, ann, entry=seen, command_id=CommandId("press"))
        assert result == Changed(changed=True)
    assert guild.on_air == "A1"


async def test_controls_belong_to_djs_where_a_role_is_named(guild: World) -> None:
    guild.room.settings = Settings(dj_role=7)
    await queued(guild, "ann", "A1")
    await guild.voice("ann", "ben")
    with pytest.raises(ForbiddenError):
        await guild.jukebox.pause(ROOM, guild.member("ben"))
    assert (await guild.jukebox.pause(ROOM, guild.member("ann"))).changed
    assert (await guild.jukebox.resume(ROOM, guild.member("ben", dj=True))).changed
    for refused in (guild.jukebox.leave, guild.jukebox.resume):
        with pytest.raises(ForbiddenError):
            await refused(ROOM, guild.member("ben"))


async def test_stop_empties_ends_and_leaves(guild: World) -> None:
    await queued(guild, "ann", "A1", "A2")
    await guild.voice("ann")
    await guild.reports.lock_next(ROOM)
    assert await guild.jukebox.stop(ROOM, guild.member("ann")) == Changed(changed=True)
    assert (guild.on_air, guild.room.entries, guild.room.voice_channel, guild.room.locked) == (None, {}, None, None)
    assert guild.rooms.played[0].reason is EndReason.STOPPED
    assert await guild.jukebox.stop(ROOM, guild.member("ann")) == Changed(changed=False)


async def test_leave_keeps_the_queue_and_join_goes_on(guild: World) -> None:
    (entry, _) = await queued(guild, "ann", "A1", "A2")
    await guild.reports.track_started(ROOM, entry, node="n")
    await guild.voice("ann")
    assert (await guild.jukebox.leave(ROOM, guild.member("ann"))).changed
    assert (guild.on_air, guild.room.paused, len(guild.room.entries)) == ("A1", PauseReason.NOBODY, 1)
    assert not (await guild.jukebox.leave(ROOM, guild.member("ann"))).changed
    with pytest.raises(NotListeningError):
        await guild.jukebox.join(ROOM, guild.member("ann", channel=None))
    assert (await guild.jukebox.join(ROOM, guild.member("ann", channel=11))).value == 11
    assert guild.room.paused is None
    assert not (await guild.jukebox.join(ROOM, guild.member("ann", channel=11))).changed


async def test_leaving_does_not_stop_a_stream(guild: World) -> None:
    await queued(guild, "ann", "A1")
    await guild.stream("web")
    await guild.jukebox.leave(ROOM, guild.member("ann", dj=True))
    assert guild.room.paused is None


async def test_guests_do_what_the_room_lets_them(guild: World) -> None:
    (entry,) = (await queued(guild, "ann", "A1", "A2"))[1:]
    guest = guild.visitor("gil")
    await guild.stream("gil")
    for level, votes, adds in ((Guests.LISTEN, False, False), (Guests.VOTE, True, False), (Guests.ADD, True, True)):
        guild.room.settings = Settings(guests=level)
        for allowed, attempt in (
            (votes, guild.jukebox.vote(ROOM, guest, entry, 1)),
            (adds, guild.jukebox.play(ROOM, guest, "aria")),
        ):
            if allowed:
                await attempt
            else:
                with pytest.raises(ForbiddenError) as refused:
                    await attempt
                assert refused.value.needs == "guests"
    with pytest.raises(NotListeningError):
        await guild.jukebox.vote(ROOM, guild.visitor("hal"), entry, 1)
    with pytest.raises(ForbiddenError):
        await guild.jukebox.pause(ROOM, guest)


async def test_a_page_room_plays_at_once_and_belongs_to_its_listeners(page: World) -> None:
    await page.jukebox.play(ROOM, page.visitor("ann"), "aria")
    assert page.on_air == "Aria"
    await page.stream("ben", "cyd")
    page.clock.move(10_000)
    with pytest.raises(ForbiddenError):
        await page.jukebox.pause(ROOM, page.visitor("ben"))
    assert not (await page.jukebox.skip(ROOM, page.visitor("ben"))).done
    assert (await page.jukebox.skip(ROOM, page.visitor("cyd"))).done


async def test_somebody_in_a_chat_is_there_by_acting(guild: World) -> None:
    chat = Actor(PersonId("tom"), "tom", PlaceId("telegram:1"), Surface.TELEGRAM)
    guild.room.linked = (chat.place,)
    await queued(guild, "ann", "A1", "A2")
    await guild.voice("ann", "ben")
    assert (await guild.jukebox.skip(ROOM, chat)).needed == 2
    assert len(guild.room.people) == 3
    guild.clock.move(600_000)
    await guild.reports.tick(ROOM)
    assert (PersonId("tom"), PlaceId("telegram:1")) not in guild.room.people or (
        guild.room.people[PersonId("tom"), PlaceId("telegram:1")].left_at is not None
    )


async def test_settings_are_checked_written_and_audited(guild: World) -> None:
    admin = guild.member("ann", channel=None, admin=True)
    changes = {"skip_threshold": 0.75, "guests": "vote", "dj_role": 9, "max_length": None, "default_volume": 80}
    settings = await guild.jukebox.configure(ROOM, admin, changes)
    assert settings == Settings(skip_threshold=0.75, guests=Guests.VOTE, dj_role=9, default_volume=80)
    assert guild.names() == ["room.settings.changed"]
    (audit,) = guild.rooms.audits
    assert (audit.actor, audit.place, audit.before["skip_threshold"], audit.after["skip_threshold"]) == (
        "ann",
        GUILD,
        0.5,
        0.75,
    )
    assert "max_length" not in audit.after
    await guild.jukebox.configure(ROOM, admin, {"dj_role": 9})
    assert len(guild.rooms.audits) == 1
    with pytest.raises(ForbiddenError) as refused:
        await guild.jukebox.configure(ROOM, guild.member("ben", dj=True), {"idle": 60_000})
    assert refused.value.needs == "admin"


@pytest.mark.parametrize(
    ("name", "value"),
    [("skip_threshold", 0), ("default_volume", 201), ("idle", 1), ("max_queue", 10**9), ("max_length", 0)],
)
async def test_settings_out_of_range(guild: World, name: str, value: float) -> None:
    with pytest.raises(OutOfRangeError) as refused:
        await guild.jukebox.configure(ROOM, guild.member("ann", admin=True), {name: value})
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("name", "value"), [("nonsense", 1), ("guests", "all"), ("dj_role", True), ("idle", "x"), ("idle", None)]
)
async def test_settings_of_the_wrong_kind(guild: World, name: str, value: object) -> None:
    with pytest.raises(NoSuchSettingError):
        await guild.jukebox.configure(ROOM, guild.member("ann", admin=True), {name: value})


async def test_stopping_takes_back_what_was_locked_for_the_house(page: World) -> None:
    page.room.fallback = (track("house", 60_000),)
    await page.stream("ann")
    assert await page.reports.lock_next(ROOM) is not None
    page.clock.move(10_000)
    await page.jukebox.stop(ROOM, page.visitor("ann"))
    assert (page.on_air, page.room.locked) == (None, None)
    await page.reports.tick(ROOM)
    assert page.on_air == "house"


async def test_the_page_of_a_queue(page: World) -> None:
    await page.jukebox.add(ROOM, page.visitor("ann"), [track(f"t{i}") for i in range(26)])
    view = await page.jukebox.view(ROOM, None, page=2, size=10)
    assert [one.track.title for one in view.upcoming] == [f"t{i}" for i in range(21, 26)]
    assert (view.total, view.upcoming[0].rank, view.upcoming[0].why.wait) == (25, 21, 21 * 180_000)
    assert (await page.jukebox.view(ROOM, None, page=3)).upcoming == ()
