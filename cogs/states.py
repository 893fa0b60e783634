"""What keeps a room from being heard, and what to do, in words."""

from gettext import NullTranslations

from core.enums import PauseReason
from core.records.views import RoomView


def state(view: RoomView, status: str, words: NullTranslations) -> str:
    """What keeps a room from playing; nothing when it plays. `status` is its player's code."""
    _ = words.gettext
    if view.paused is PauseReason.INTERRUPTED:
        return _("I was away for more than five minutes. /resume goes on from here.")
    if view.voice_channel is None and (out := _out_of_voice(status, words)):
        return out
    if view.paused is PauseReason.NOBODY and view.voice_channel is None:
        return _("I am out of the voice channel. The queue is kept: /join brings me back.")
    if view.paused is PauseReason.NOBODY:
        return _("Paused until somebody listens.")
    if view.paused is PauseReason.PERSON:
        return _("Paused.")
    return _trouble(status, words)


def _out_of_voice(status: str, words: NullTranslations) -> str:
    """Why the room lost its voice channel."""
    _ = words.gettext
    reasons = {
        "kicked": _("I was put out of the voice channel. The queue is kept: /join brings me back."),
        "channel_deleted": _("My voice channel was deleted. The queue is kept: /join brings me to yours."),
        "no_connect": _("I may not join that voice channel any more. The queue is kept: /join brings me to yours."),
        "no_speak": _("I may not speak in that voice channel any more. The queue is kept: /join brings me to yours."),
        "full": _("That voice channel is full. The queue is kept: /join brings me to yours."),
    }
    return reasons.get(status, "")


def _trouble(status: str, words: NullTranslations) -> str:
    """What is wrong with the sound for the moment."""
    _ = words.gettext
    away = _("The sound is away for a moment; it goes on by itself.")
    troubles = {
        "waiting": away,
        "reconnecting": away,
        "muted": _("I am muted here by the server: unmute me to hear the music."),
        "audience": _("I am in the audience of this stage: invite me to speak to hear the music."),
        "no_answer": _("Discord's voice server does not answer; I keep trying."),
        "rate_limited": _("Discord wants me to wait before I come back; it goes on by itself."),
        "encryption_required": _("This channel wants an encryption that my node does not speak. Update the node."),
        "node_too_old": _("My node is too old for Discord's voice servers. Update the node."),
    }
    return troubles.get(status, "")
