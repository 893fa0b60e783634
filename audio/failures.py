"""Codes for what a node says of a track that it cannot play; surfaces word them (see UnplayableError)."""

STUCK = "stuck"
TIMEOUT = "timeout"
CORRUPT = "corrupt"

WORDS = {
    "no matches": "not_found",
    "404": "not_found",
    "too long": TIMEOUT,
    "does not answer": "unreachable",
    "status": "unreachable",
    "no sound": "not_audio",
    "not a sound": "not_audio",
}


def failure(message: str) -> str:
    """The code for a message of a node's error or exception."""
    lower = message.lower()
    return next((code for words, code in WORDS.items() if words in lower), CORRUPT)
