"""Running polls in words: what is asked, who is missing, until when."""

from gettext import NullTranslations

from cogs import names
from core.records.results import Asked
from core.records.views import PollView, WhyPoll

Words = NullTranslations


def asked(result: Asked, poll: WhyPoll | None, words: Words) -> str:
    """What became of a wish that the room decides; `poll` is None when it is over."""
    _, what = words.gettext, names.question(result.kind, result.argument, words)
    if result.done:
        return _("The vote to %(what)s passed.") % {"what": what}
    text = _("%(votes)d of %(needed)d voted to %(what)s") % {
        "votes": result.votes,
        "needed": max(result.needed, 1),
        "what": what,
    }
    return f"{text}; {missing(poll, words)}." if poll else f"{text}."


def missing(poll: WhyPoll, words: Words) -> str:
    """What would pass a poll: "one more, or one listener leaving"."""
    more = words.ngettext("one more", "%(count)d more", poll.missing) % {"count": poll.missing}
    if not poll.departures:
        return more
    leaving = words.ngettext("one listener leaving", "%(count)d listeners leaving", poll.departures)
    return words.gettext("%(more)s, or %(leaving)s") % {
        "more": more,
        "leaving": leaving % {"count": poll.departures},
    }


def why(poll: WhyPoll, words: Words) -> str:
    """One running poll, explained."""
    text = words.gettext("**%(votes)d of %(needed)d** voted to %(what)s; %(missing)s. It ends %(when)s.")
    return text % {
        "votes": poll.votes,
        "needed": max(poll.needed, 1),
        "what": names.question(poll.kind, poll.argument, words),
        "missing": missing(poll, words),
        "when": ends(poll.deadline),
    }


def line(poll: PollView, words: Words) -> str:
    """One running poll, for the panel."""
    what = names.question(poll.kind, poll.argument, words)
    text = words.gettext("%(votes)d of %(needed)d to %(what)s")
    told = text % {"votes": poll.votes, "needed": max(poll.needed, 1), "what": what}
    return f"{told} · {words.gettext('ends')} {ends(poll.deadline)}"


def ends(deadline: int) -> str:
    """A time (UTC ms) that each reader's Discord counts down to."""
    return f"<t:{deadline // 1000}:R>"
