"""Files that people and the bot sent."""

import mimetypes
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulators.telegram.errors import fate

LARGEST = 20 * 1024 * 1024
"""Bytes that a bot may download."""


@dataclass
class File:
    """One file; `size` may be claimed to be larger than the content."""

    id: str
    unique: str
    name: str
    data: bytes
    size: int

    @property
    def path(self) -> str:
        """Where it is below `/file/bot<token>/`."""
        return f"music/file_{self.unique}{Path(self.name).suffix}"

    def json(self) -> dict[str, Any]:
        return {"file_id": self.id, "file_unique_id": self.unique, "file_size": self.size}


class Files:
    """Every file by its id."""

    def __init__(self) -> None:
        self.by_id: dict[str, File] = {}
        self.downloads: list[str] = []

    def store(self, file: Path | bytes, name: str = "", *, size: int | None = None) -> File:
        """Keep a file: a path, or a name with its bytes."""
        data = file.read_bytes() if isinstance(file, Path) else file
        named = name or (file.name if isinstance(file, Path) else "audio.mp3")
        stored = File(secrets.token_urlsafe(24), secrets.token_hex(8), named, data, len(data) if size is None else size)
        self.by_id[stored.id] = stored
        return stored

    def find(self, id_: str) -> File:
        """Raises ApiError."""
        if id_ not in self.by_id:
            raise fate("invalid file_id")
        return self.by_id[id_]

    def at(self, path: str) -> File | None:
        return next((one for one in self.by_id.values() if one.path == path), None)


def content_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
