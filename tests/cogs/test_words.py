"""Words: every text has its Spanish, every error its text; foreign text is made safe."""

import inspect
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from cogs.discord import controls, queue, settings, text, words
from cogs.languages import FOLDER, translations
from core.errors import (
    AnotherChannelError,
    ChorusError,
    ForbiddenError,
    NoNodeError,
    NoSuchEntryError,
    NoSuchRoomError,
    NoSuchSettingError,
    NothingFoundError,
    NothingPlayingError,
    NotListeningError,
    NotSeekableError,
    OutOfRangeError,
    OwnEntryError,
    QueueFullError,
    RateLimitedError,
    SourceOffError,
    StoreUnavailableError,
    TooLongError,
    TooManyEntriesError,
    UnplayableError,
    VoiceForbiddenError,
)
from core.records.results import Queued
from core.records.views import EntryView, Why
from core.types import EntryId, PersonId
from tests.fakes import track

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
    QueueFullError(3),
    TooManyEntriesError(3),
    TooLongError("T", 60_000),
    NothingFoundError("q"),
    SourceOffError("s"),
    UnplayableError("timeout"),
    OwnEntryError(),
    NoNodeError(),
    RateLimitedError(0.2),
]


def known_errors() -> set[type[ChorusError]]:
    classes = {
        one
        for _, one in inspect.getmembers(inspect.getmodule(ChorusError), inspect.isclass)
        if issubclass(one, ChorusError)
    }
    return classes - {ChorusError}


def test_every_error_is_worded() -> None:
    assert {type(error) for error in SAMPLES} == known_errors()
    unknown = words.refusal(ChorusError(), ENGLISH)
    for error in SAMPLES:
        assert words.refusal(error, ENGLISH) != unknown
        assert "%(" not in words.refusal(error, translations("es"))
        assert words.refusal(error, ENGLISH) != words.refusal(error, translations("es"))


def test_everything_is_translated() -> None:
    catalogue = read_po(BytesIO((FOLDER / "es.po").read_bytes()), locale="es")
    found = extract_from_dir(Path("cogs"), keywords={"gettext": None, "_": None, "ngettext": (1, 2)})
    texts: set[Any] = {message for _, _, message, _, _ in found}
    for command in (*queue.commands(), *controls.commands(), *settings.commands()):
        texts |= {str(command.description), *(str(one.description) for one in command.parameters)}
    missing = {one for one in texts if one not in catalogue or not catalogue[one].string}
    assert not missing
    assert {str(message.id) for message in catalogue if message.id} == {str(one) for one in texts}


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
    assert text.position(typed) == ms


def test_lengths() -> None:
    assert [text.length(one) for one in (None, 0, 61_000, 3_600_000)] == ["∞", "0:00", "1:01", "1:00:00"]


def test_titles_are_cut_before_they_are_escaped() -> None:
    assert text.safe("*" * 4_000, 10) == r"\*" * 9 + "…"
    assert text.safe("a\n\n# b\x00\u202ec") == "a # bc"
    assert text.safe("@everyone <@123456789012345678>").count("\u200b") == 2
    assert text.safe("שלום") == "\u2068שלום\u2069"
    assert text.safe("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"
    assert text.plain("", 5) == "?"


def test_the_bar_has_one_knob() -> None:
    for done in (0, 0.5, 1, 2):
        assert text.bar(done).count("🔘") == 1
        assert len(text.bar(done)) == 14


def entry(**why: Any) -> EntryView:
    fields: dict[str, Any] = {"turn": 1, "round": 0, "score": 2, "ahead": 0, "wait": None, "locked": False}
    reason = Why(**(fields | why))
    return EntryView(EntryId(1), track("T"), PersonId("p"), "Ann", "d", 1, 2, 0, 0, False, reason)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ({"forced": True, "parked": False}, "A DJ put it first."),
        ({"forced": False, "parked": True}, "It is set aside"),
        ({"forced": False, "parked": False}, "it starts after a live track."),
        ({"forced": False, "parked": False, "wait": 1_000}, "it starts in a moment."),
        ({"forced": False, "parked": False, "ahead": 3, "wait": 600_000}, "3 are ahead: earlier turns"),
    ],
)
def test_reasons(why: dict[str, Any], said: str) -> None:
    assert said in words.why(entry(**why), ENGLISH)


def test_what_was_queued() -> None:
    ids = (EntryId(1), EntryId(2))
    assert words.queued(Queued(ids, track("T"), 1, 0, dropped=3), ENGLISH) == "Added 2 tracks. 3 did not fit."
    assert words.queued(Queued(ids[:1], track("T"), 4, None), ENGLISH) == "**T** is number 4 in the queue."


def test_ranges_are_told_in_the_units_of_the_option() -> None:
    assert words.refusal(OutOfRangeError("idle", 0, 60_000, 120_000), ENGLISH).endswith("from 1 to 2.")
    assert words.refusal(VoiceForbiddenError(7, "full"), ENGLISH).startswith("<#7> is full")
