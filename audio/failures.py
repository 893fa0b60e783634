"""Codes for what a node says of a track that it cannot play; surfaces word them (see UnplayableError)."""

import re

from audio.media import STATUS

STUCK = "stuck"
TIMEOUT = "timeout"
CORRUPT = "corrupt"
UNREACHABLE = "unreachable"

WORDS = {
    "no matches": "not_found",
    "too long": TIMEOUT,
    "does not answer": UNREACHABLE,
    "status": UNREACHABLE,
    "no sound": "not_audio",
    "not a sound": "not_audio",
}


REASONS = {status: reason for reason, status in STATUS.items()}
_STATUS = re.compile(r"\bstatus\D*(\d{3})\b")


def failure(message: str) -> str:
    """The code for a message of a node's error or exception; a status that it got of us says most."""
    lower = message.lower()
    status = _STATUS.search(lower)
    if status and int(status[1]) in REASONS:
        return REASONS[int(status[1])]
    return next((code for words, code in WORDS.items() if words in lower), CORRUPT)
