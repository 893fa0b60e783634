"""AMF0, the values of RTMP's commands ("Action Message Format -- AMF 0", Adobe 2007): only what they need."""

import struct
from collections.abc import Mapping
from typing import Any

Value = float | bool | str | None | Mapping[str, "Value"]

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _ARRAY, _END = 0, 1, 2, 3, 5, 8, 9
_DEEPEST = 8


class AmfError(Exception):
    """These bytes are no AMF0."""


class UnknownKindError(AmfError):
    """A kind of value that no command needs."""


def encoded(*values: Value) -> bytes:
    """Values one after another."""
    return b"".join(map(_one, values))


def _one(value: Value) -> bytes:
    if value is None:
        return bytes([_NULL])
    if isinstance(value, bool):
        return bytes([_BOOLEAN, value])
    if isinstance(value, (int, float)):
        return struct.pack(">Bd", _NUMBER, value)
    if isinstance(value, str):
        return bytes([_STRING]) + _text(value)
    pairs = b"".join(_text(name) + _one(inner) for name, inner in value.items())
    return bytes([_OBJECT]) + pairs + bytes([0, 0, _END])


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def decoded(data: bytes) -> list[Any]:
    """The values of a command, objects as dicts, as far as they are of kinds that we know. Raises AmfError."""
    reader, values = _Reader(data), list[Any]()
    try:
        while not reader.ended:
            values.append(reader.value(0))
    except (struct.error, IndexError, UnicodeDecodeError):
        raise AmfError("cut short") from None
    except UnknownKindError:  # the name and the number, which come first, tell what most answers mean
        if not values:
            raise
    return values


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._data)

    def value(self, depth: int) -> Any:
        kind = self._take(1)[0]
        if depth > _DEEPEST:
            raise AmfError("too deep")
        if kind in {3, 8, 10}:
            return self._compound(kind, depth)
        match kind:
            case 0:
                return struct.unpack(">d", self._take(8))[0]
            case 1:
                return self._take(1)[0] != 0
            case 2 | 12:
                return self._text(2 if kind == _STRING else 4)
            case 5 | 6:
                return None
            case _:
                raise UnknownKindError(f"kind {kind}")

    def _compound(self, kind: int, depth: int) -> Any:
        """An object, an array with names, or one without."""
        if kind == _OBJECT:
            return self._pairs(depth)
        count = self._whole(4)
        if kind == _ARRAY:
            return self._pairs(depth)
        return [self.value(depth + 1) for _ in range(min(count, len(self._data)))]

    def _pairs(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while True:
            name = self._text(2)
            if not name and self._data[self._at] == _END:
                self._at += 1
                return found
            found[name] = self.value(depth + 1)

    def _text(self, width: int) -> str:
        return self._take(self._whole(width)).decode()

    def _whole(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def _take(self, size: int) -> bytes:
        data = self._data[self._at : self._at + size]
        if len(data) < size:
            raise IndexError
        self._at += size
        return data
