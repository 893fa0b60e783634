"""Encrypted HLS: AES-128 in CBC over each whole segment, padded by PKCS #7 (RFC 8216 §4.3.2.4).

FFmpeg reads the key's address and works out the vector, but names them instead of decrypting when somebody else
fetches for it.
"""

from collections.abc import Mapping
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 16
_MARKS = ("crypto+", "crypto:")


class Source(Protocol):
    """What the encrypted bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...

    def close(self) -> None:
        """Nothing more is read."""
        ...


def plain_address(address: str) -> str:
    """Where the bytes of an encrypted segment are; any other address as it is."""
    for mark in _MARKS:
        address = address.removeprefix(mark)
    return address


def is_encrypted(address: str) -> bool:
    """Whether FFmpeg asks for a segment that has to be decrypted."""
    return address.startswith(_MARKS)


class Decrypted:
    """A segment's plain bytes, read from its start to its end."""

    def __init__(self, source: Source, options: Mapping[str, str]) -> None:
        """`options` are FFmpeg's, with `key` and `iv` in hex. Raises ValueError when they are not."""
        key, vector = (bytes.fromhex(options.get(name, "")) for name in ("key", "iv"))
        self._source = source
        self._cipher = Cipher(AES128(key), CBC(vector)).decryptor()
        self._waiting: bytes = b""  # not whole blocks yet
        self._plain = bytearray()
        self._last: bytes = b""  # may be padding
        self._ended = False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end, or where a segment was cut."""
        while len(self._plain) < size and not self._ended:
            self._more(self._source.read(max(size, BLOCK)))
        data = bytes(self._plain[:size])
        del self._plain[:size]
        return data

    def close(self) -> None:
        """FFmpeg is done with it."""
        self._source.close()

    def _more(self, data: bytes) -> None:
        if not data:
            self._ended = True
            padding = self._last[-1] if self._last else 0
            self._plain += self._last[:-padding] if 0 < padding <= BLOCK else self._last
            return
        data = self._waiting + data
        whole = len(data) // BLOCK * BLOCK
        self._waiting = data[whole:]
        plain = self._last + self._cipher.update(data[:whole])
        self._plain += plain[:-BLOCK]
        self._last = plain[-BLOCK:]
