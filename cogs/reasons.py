"""Why an entry stands where it stands, in words."""

from gettext import NullTranslations

from cogs.text import safe
from cogs.words import wait
from core.records.views import EntryView, Why

Words = NullTranslations


def why(entry: EntryView, words: Words) -> str:
    """Why an entry stands where it stands."""
    _, reason, name = words.gettext, entry.why, safe(entry.name, 32)
    text = _("**%(title)s** is number %(rank)d: turn %(turn)d of %(name)s, score %(score)+d.")
    fields = {"title": safe(entry.track.title), "rank": entry.rank, "turn": reason.turn, "name": name}
    return f"{text % (fields | {'score': reason.score})}\n{_place(reason, words)}"


def _place(reason: Why, words: Words) -> str:
    _ = words.gettext
    if reason.parked:
        return _("It is set aside until its requester is back.")
    if reason.forced:
        return _("A DJ put it first.")
    if reason.locked:
        return _("It is settled: it plays next.")
    if reason.ahead == 0:
        return _("Nothing is ahead of it; it starts %(when)s.") % {"when": wait(reason.wait, words)}
    text = words.ngettext(
        "%(count)d is ahead: an earlier turn, or more votes in the same one. It starts %(when)s.",
        "%(count)d are ahead: earlier turns, or more votes in the same one. It starts %(when)s.",
        reason.ahead,
    )
    return text % {"count": reason.ahead, "when": wait(reason.wait, words)}
