"""A track's waveform as the page gets it: a letter a point, which the script draws."""

LEVELS = 63
_BYTE = 255
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LETTER_OF = bytes(ord(_LETTERS[round(value * LEVELS / _BYTE)]) for value in range(_BYTE + 1))


def letters(points: bytes) -> str:
    """Peaks of 0 to 255 as letters from A (silence) to / (full scale), in the order of base64."""
    return points.translate(_LETTER_OF).decode()
