"""/voice: what plays, as an audio message to hear in the chat itself."""

from cogs.telegram.surface import Call
from cogs.text import safe
from core.errors import NothingPlayingError, UnplayableError


async def voice(call: Call) -> None:
    """What plays as an audio message, if its source is shared. Raises NothingPlayingError, UnplayableError."""
    if call.view.current is None:
        raise NothingPlayingError
    _, track, sharing = call.words.gettext, call.view.current.track, call.surface.sharing
    try:
        found = await sharing.found(track)
    except UnplayableError as error:
        if error.reason != "too_large":
            raise
        await call.say(_("**%(title)s** is too long to be sent.") % {"title": safe(track.title)})
        return
    if found is None:
        text = _("**%(title)s** may not be sent from here. /listen tells where it is heard.")
        await call.say(text % {"title": safe(track.title)})
        return
    sent = await call.surface.outbox.send_audio(call.spot.chat.id, found, track, call.spot.message)
    sharing.note(track, sent.audio.file_id if sent.audio is not None else None)
