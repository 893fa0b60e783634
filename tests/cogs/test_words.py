"""Words: every text has its Spanish, every error its text; foreign text is made safe."""

import inspect
import re
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from discord import app_commands

from cogs.discord import premium, tips
from cogs.discord.commands import commands
from cogs.languages import FOLDER, translations
from cogs.moments import moment
from cogs.names import explained, loop, mode, question
from cogs.picks import ranks
from cogs.polls import asked
from cogs.reasons import why
from cogs.refusals import refusal
from cogs.text import bar, length, plain, position, safe
from cogs.words import queued
from core.enums import BlockKind, Loop, Meter, Mode
from core.errors import (
    AlreadyLinkedError,
    AnotherChannelError,
    BadAddressError,
    BadFilterError,
    BlockedError,
    CannotLinkError,
    ChorusError,
    ClosedError,
    DuplicateError,
    ForbiddenError,
    NoHistoryError,
    NoNodeError,
    NoSuchChoiceError,
    NoSuchCodeError,
    NoSuchEntryError,
    NoSuchPollError,
    NoSuchPushError,
    NoSuchRoomError,
    NoSuchSettingError,
    NotAListError,
    NothingFoundError,
    NothingPlayingError,
    NothingToUndoError,
    NotInPlanError,
    NotLinkedError,
    NotListeningError,
    NotSeekableError,
    OutOfRangeError,
    OwnEntryError,
    PollRunningError,
    QueueFullError,
    RateLimitedError,
    SourceOffError,
    StoreUnavailableError,
    TooLongError,
    TooManyEntriesError,
    TooManyLinesError,
    UnplayableError,
    UsedUpError,
    VoiceForbiddenError,
)
from core.purchases import (
    EndsAlreadyError,
    NoSubscriptionError,
    NotForSaleError,
    NothingToTakeBackError,
    OldLinkError,
    OldQuoteError,
    PaidAlreadyError,
    PayFirstError,
    PaymentRefusedError,
    PaymentsUnavailableError,
    PurchasesFrozenError,
)
from core.records.results import Asked, Queued
from core.records.views import EntryView, Why, WhyPoll
from core.tips import BadTipError, CannotBeTippedError, TooManyTipsError
from core.types import EntryId, PersonId, PlaceId
from tests.fakes import track
from web.refusals import refusal as on_the_page

ENGLISH = NullTranslations()
SAMPLES: list[ChorusError] = [
    StoreUnavailableError(),
    NoSuchRoomError(),
    NoSuchEntryError(EntryId(1)),
    NotListeningError(),
    AnotherChannelError(5),
    ForbiddenError("skip", "dj"),
    VoiceForbiddenError(5, "speak"),
    NothingPlayingError(),
    NotSeekableError(),
    OutOfRangeError("volume", 300, 0, 200),
    NoSuchSettingError("x"),
    BadFilterError("kind", "timescale"),
    NotInPlanError("filter"),
    UsedUpError(Meter.UPLOADS, 0),
    BadAddressError("scheme"),
    NoSuchPushError("p"),
    NoSuchChoiceError("policy.skip", "dancer", ("dj", "poll")),
    PollRunningError("volume", "50"),
    NoSuchPollError("shuffle"),
    AlreadyLinkedError(PlaceId("telegram:1")),
    CannotLinkError(PlaceId("discord:1")),
    NoSuchCodeError(),
    NotLinkedError(),
    QueueFullError(3),
    TooManyEntriesError(3),
    TooLongError("T", 60_000),
    NothingFoundError("q"),
    SourceOffError("s"),
    UnplayableError("timeout"),
    OwnEntryError(),
    NoNodeError(),
    RateLimitedError(0.2),
    ClosedError(),
    DuplicateError("T"),
    BlockedError(BlockKind.ARTIST, "a", "T"),
    NothingToUndoError(),
    NoHistoryError(),
    TooManyLinesError(5_000),
    NotAListError("binary"),
    NotForSaleError(),
    PaymentsUnavailableError(),
    PaidAlreadyError("pro"),
    NoSubscriptionError(),
    PayFirstError(),
    EndsAlreadyError(),
    NothingToTakeBackError(),
    PurchasesFrozenError(),
    PaymentRefusedError(),
    OldLinkError(),
    OldQuoteError(),
    BadTipError(100, 50_000, "eur"),
    CannotBeTippedError(),
    TooManyTipsError(),
]


def known_errors() -> set[type[ChorusError]]:
    classes = {
        one
        for module in map(inspect.getmodule, (ChorusError, NotForSaleError, BadTipError))
        for _, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, ChorusError)
    }
    return classes - {ChorusError}


def test_every_error_is_worded() -> None:
    assert {type(error) for error in SAMPLES} == known_errors()
    unknown = refusal(ChorusError(), ENGLISH)
    for error in SAMPLES:
        assert refusal(error, ENGLISH) != unknown
        assert "%(" not in refusal(error, translations("es"))
        assert refusal(error, ENGLISH) != refusal(error, translations("es"))


def test_it_is_told_what_was_used_up_until_when_and_what_is_paid_already() -> None:
    plays, spanish = UsedUpError(Meter.PLAYS, 1_796_083_200_000), translations("es")
    assert refusal(plays, ENGLISH).endswith("in a month. There is more from <t:1796083200:D> on.")
    assert refusal(plays, spanish).endswith("Habrá más a partir del <t:1796083200:D>.")
    assert on_the_page(plays, ENGLISH).endswith("in a month. There is more from 2026-12-01 on.")
    for told in (refusal, on_the_page):
        assert told(PaidAlreadyError("pro_plus"), ENGLISH).startswith("Pro plus is paid for here already.")


def described(command: app_commands.Command[Any, ..., Any] | app_commands.Group) -> set[str]:
    """What a command says about itself, its options and subcommands."""
    if isinstance(command, app_commands.Group):
        return {str(command.description)}.union(*(described(one) for one in command.commands))
    return {str(command.description), *(str(one.description) for one in command.parameters)}


def test_everything_is_translated() -> None:
    catalogue = read_po(BytesIO((FOLDER / "es.po").read_bytes()), locale="es")
    found = extract_from_dir(Path("cogs"), keywords={"gettext": None, "_": None, "ngettext": (1, 2)})
    texts: set[Any] = {message for _, _, message, _, _ in found}
    for command in [*commands(), *premium.commands(), *tips.commands()]:
        texts |= described(command)
    missing = {one for one in texts if one not in catalogue or not catalogue[one].string}
    assert not missing
    assert {str(message.id) for message in catalogue if message.id} == {str(one) for one in texts}
    assert not [message.id for message in catalogue if message.id and message.fuzzy]
    for message in catalogue:
        if message.id:
            told = [[blanks(form) for form in forms(text)] for text in (message.id, message.string)]
            assert told[0] == told[1], message.id


def forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def blanks(text: str) -> tuple[str, ...]:
    """What a text leaves to fill in."""
    return tuple(sorted(re.findall(r"%\(\w+\)[-+]?[a-z]", text)))


def test_other_languages_are_english() -> None:
    assert translations("ja").gettext("Skip") == "Skip"
    assert translations("../es").gettext("Skip") == "Skip"
    assert translations("es-419").gettext("Skip") == "Saltar"


@pytest.mark.parametrize(
    ("typed", "ms"),
    [
        ("90", 90_000),
        ("1:30", 90_000),
        (" 1:02:09 ", 3_729_000),
        ("0", 0),
        ("", None),
        ("1:2:3:4", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
    ],
)
def test_times_as_people_write_them(typed: str, ms: int | None) -> None:
    assert position(typed) == ms


def test_lengths() -> None:
    assert [length(one) for one in (None, 0, 61_000, 3_600_000)] == ["∞", "0:00", "1:01", "1:00:00"]


def test_titles_are_cut_before_they_are_escaped() -> None:
    assert safe("*" * 4_000, 10) == r"\*" * 9 + "…"
    assert safe("a\n\n# b\x00\u202ec") == "a # bc"
    assert safe("@everyone <@123456789012345678>").count("\u200b") == 2
    assert safe("שלום") == "\u2068שלום\u2069"
    assert safe("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"
    assert plain("", 5) == "?"


def test_the_bar_has_one_knob() -> None:
    for done in (0, 0.5, 1, 2):
        assert bar(done).count("🔘") == 1
        assert len(bar(done)) == 14


def entry(**why: Any) -> EntryView:
    fields: dict[str, Any] = {"turn": 1, "round": 0, "score": 2, "ahead": 0, "wait": None, "locked": False}
    reason = Why(**(fields | why))
    return EntryView(EntryId(1), track("T"), PersonId("p"), "Ann", "d", 1, 2, 0, 0, False, reason)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"forced": True, "parked": False}, "A DJ put it first."),
        ({"forced": False, "parked": True}, "It is set aside"),
        ({"forced": False, "parked": False}, "it starts after a live track."),
        ({"forced": False, "parked": False, "wait": 1_000}, "it starts in a moment."),
        ({"forced": False, "parked": False, "ahead": 3, "wait": 600_000}, "3 are ahead: earlier turns"),
    ],
)
def test_reasons(told: dict[str, Any], said: str) -> None:
    assert said in why(entry(**told), ENGLISH)


def test_what_was_queued() -> None:
    ids = (EntryId(1), EntryId(2))
    assert queued(Queued(ids, track("T"), 1, 0, dropped=3), ENGLISH) == "Added 2 tracks. 3 did not fit."
    assert queued(Queued(ids[:1], track("T"), 4, None), ENGLISH) == "**T** is number 4 in the queue."


def test_ranges_are_told_in_the_units_of_the_option() -> None:
    assert refusal(OutOfRangeError("idle", 0, 60_000, 120_000), ENGLISH).endswith("from 1 to 2.")
    assert refusal(VoiceForbiddenError(7, "full"), ENGLISH).startswith("<#7> is full")


def test_what_was_left_out_is_told() -> None:
    ids = (EntryId(1),)
    told = queued(Queued(ids, track("T"), 1, 0, duplicates=1, blocked=2), ENGLISH)
    assert told == "**T** is number 1 in the queue, in a moment. 2 are blocked here. 1 was here already."


@pytest.mark.parametrize(
    ("missing", "departures", "said"),
    [
        (1, 1, "2 of 3 voted to shuffle the queue; one more, or one listener leaving."),
        (2, 4, "2 of 3 voted to shuffle the queue; 2 more, or 4 listeners leaving."),
        (1, None, "2 of 3 voted to shuffle the queue; one more."),
    ],
)
def test_polls_say_who_is_missing(missing: int, departures: int | None, said: str) -> None:
    poll = WhyPoll("shuffle", None, 2, 3, 5, missing, departures, 0)
    assert asked(Asked("shuffle", 2, 3), poll, ENGLISH) == said
    assert asked(Asked("shuffle", 3, 3, done=True), None, ENGLISH) == "The vote to shuffle the queue passed."


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_mode_loop_and_question_has_a_name(language: str) -> None:
    texts = translations(language)
    named = {mode(one, texts) for one in Mode} | {loop(one, texts) for one in Loop}
    assert len(named) == len(Mode) + len(Loop)
    assert len({explained(one, texts) for one in Mode}) == len(Mode)
    assert question("volume", "50", texts).endswith("50 %")
    assert mode(Mode.DJ, texts) in question("mode", "dj", texts)
    assert "oops" in question("mode", "oops", texts)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("3", [3]),
        ("3 5 7-9", [3, 5, 7, 8, 9]),
        ("9-7, 8;2", [7, 8, 9, 2]),
        ("0-2", [1, 2]),
        ("1-999999", list(range(1, 51))),
        ("#12", None),
        ("blues 2", None),
        ("", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_several_ranks(typed: str, meant: list[int] | None) -> None:
    assert ranks(typed) == meant


NOON = 1_800_014_400_000
"""2027-01-15 12:00 UTC."""


@pytest.mark.parametrize(
    ("typed", "zone", "minutes"),
    [
        ("18:00", "UTC", 360),
        ("12:00", "UTC", 24 * 60),
        ("11:59", "UTC", 24 * 60 - 1),
        ("18:00", "Europe/Madrid", 300),
        ("7:30", "America/New_York", 30),
        ("in 20 min", "UTC", 20),
        ("en 1 h 5 min", "UTC", 65),
        ("2h", "UTC", 120),
        ("soon", "UTC", None),
        ("25:00", "UTC", None),
        ("12:60", "UTC", None),
        ("in", "UTC", None),
        ("", "UTC", None),
        ("٣:٠٠", "UTC", None),
        ("in -5 min", "UTC", None),
    ],
)
def test_times_to_come(typed: str, zone: str, minutes: int | None) -> None:
    meant = moment(typed, zone, NOON)
    assert meant == (None if minutes is None else NOON + minutes * 60_000)


def test_a_time_to_come_keeps_to_the_clock_on_the_wall_when_summer_begins() -> None:
    before = 1_806_169_200_000  # 2027-03-27 18:40 in Madrid; the clocks go forward that night
    then = moment("18:00", "Europe/Madrid", before)
    assert then is not None
    assert (then - before) / 60_000 == 22 * 60 + 20
