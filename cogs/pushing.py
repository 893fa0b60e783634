"""Pushes in words."""

from collections.abc import Mapping, Sequence
from gettext import NullTranslations

from cogs.text import safe
from core.ports.pushes import Push
from core.records.results import Changed

Words = NullTranslations


def named(push: Push, words: Words) -> str:
    """A push without its key: servers are told apart by what they are called."""
    return push.server if push.on else words.gettext("%(server)s (off)") % {"server": push.server}


def listed(pushes: Sequence[Push], states: Mapping[str, str], words: Words) -> str:
    """Where the room is sent, and how that is going."""
    if not pushes:
        return words.gettext("The room is sent nowhere. /live start does.")
    return "\n".join(f"**{safe(it.server)}** · {state(it, states, words)}" for it in pushes)


def state(push: Push, states: Mapping[str, str], words: Words) -> str:
    """How a push is doing."""
    _ = words.gettext
    if not push.address:
        return _("its address cannot be read any more: forget it and start it again")
    return told(states.get(push.id, "connecting"), words) if push.on else _("off")


def told(code: str, words: Words) -> str:
    """How a push that is on is doing, by its code (see the port `PushStates`)."""
    _ = words.gettext
    texts = {
        "live": _("live"),
        "connecting": _("connecting"),
        "waiting": _("waiting for music"),
        "used_up": _("resting: the plan has no more of it this month"),
        "over_plan": _("resting: the plan sends to fewer servers at once"),
        "refused": _("the server refuses connections; trying again"),
        "unreachable": _("the server cannot be found or reached; trying again"),
        "timeout": _("the server does not answer; trying again"),
        "certificate": _("the server’s certificate is not right; trying again"),
        "tls": _("the server speaks no TLS: is it rtmp:// in place of rtmps://? Trying again"),
        "not_rtmp": _("what answers there is no RTMP server; trying again"),
        "rejected": _("the server does not take it: is the key right? Trying again"),
        "closed": _("the server ended it; trying again"),
        "private_address": _("it leads into a private network, so nothing is sent"),
        "bad_link": _("nothing can be sent to that port"),
    }
    return texts.get(code, _("it broke; trying again"))


def started(push: Push, words: Words) -> str:
    """It begins."""
    text = words.gettext("The room is sent to **%(server)s** from now on. /live list says how it goes.")
    return text % {"server": safe(push.server)}


def switched(result: Changed, *, on: bool, words: Words) -> str:
    """It is on or off."""
    _ = words.gettext
    if not result.changed:
        return _("It was on already.") if on else _("It was off already.")
    return _("The room is sent there again.") if on else _("The room is sent there no more. /live on brings it back.")


def forgotten(words: Words) -> str:
    """It is gone."""
    return words.gettext("That address is forgotten.")
