"""The library's index on disk: one SQLite table, rebuilt from the files whenever it cannot be used."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from core.types import Track, TrackRef

VERSION = 1
PREFIX = "library:"


@dataclass(frozen=True, slots=True)
class Row:
    """An indexed file. `root` names its folder, `path` is relative to it; `reason` says why it is unreadable.

    `text` is what search looks at; `length` in ms, `added_at` in UTC ms.
    """

    id: str
    root: str
    path: bytes
    mtime: int
    size: int
    title: str
    artist: str = ""
    album: str = ""
    length: int = 0
    cover: str | None = None
    accent: str | None = None
    text: str = ""
    added_at: int = 0
    reason: str | None = None

    @property
    def relative(self) -> Path:
        """The path within its folder; file names need not be UTF-8."""
        return Path(os.fsdecode(self.path))

    @property
    def track(self) -> Track:
        """What rooms queue."""
        return Track(
            ref=TrackRef(PREFIX + self.id),
            title=self.title,
            artist=self.artist,
            length=self.length,
            cover=self.cover,
            accent=self.accent,
        )


_COLUMNS = ", ".join(field.name for field in fields(Row))
_SCHEMA = f"""
CREATE TABLE files ({_COLUMNS}, PRIMARY KEY (id)) WITHOUT ROWID;
CREATE INDEX files_added ON files (added_at DESC);
PRAGMA user_version = {VERSION};
"""


class Catalogue:
    """The rows, for any thread. Methods block for the length of a small query."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _open(path)
        except sqlite3.OperationalError:  # locked or not writable: nothing is wrong with the file
            raise
        except sqlite3.DatabaseError:  # it is only an index: made anew
            for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                file.unlink(missing_ok=True)
            self._database = _open(path)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def version(self) -> int:
        """Another number whenever another process wrote (`python -m bot library scan`)."""
        return int(self._select("PRAGMA data_version")[0][0])

    def known(self) -> dict[str, tuple[int, int]]:
        """Id → mtime (ns) and size of every file as it was indexed."""
        return {row[0]: (row[1], row[2]) for row in self._select("SELECT id, mtime, size FROM files")}

    def stamps(self) -> dict[TrackRef, str]:
        """What can be played, and what tells whether a file is still the one that was indexed."""
        rows = self._select("SELECT id, mtime, size FROM files WHERE reason IS NULL ORDER BY added_at DESC")
        return {TrackRef(PREFIX + row[0]): f"{row[1]}:{row[2]}" for row in rows}

    def put(self, rows: Iterable[Row]) -> None:
        """Write rows; a file that was there keeps its `added_at`."""
        marks = ", ".join("?" * len(fields(Row)))
        sets = ", ".join(f"{field.name} = excluded.{field.name}" for field in fields(Row) if field.name != "added_at")
        with self._change() as database:
            database.executemany(
                f"INSERT INTO files ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {sets}",  # noqa: S608
                [astuple(row) for row in rows],
            )

    def drop(self, ids: Iterable[str]) -> None:
        """Forget files."""
        with self._change() as database:
            database.executemany("DELETE FROM files WHERE id = ?", [(file,) for file in ids])

    def get(self, file: str) -> Row | None:
        """One file."""
        return next(self._rows("WHERE id = ?", file), None)

    def many(self, ids: Sequence[str]) -> list[Row]:
        """Files in the order of the ids; those that are gone are left out."""
        marks = ", ".join("?" * len(ids))
        found = {row.id: row for row in self._rows(f"WHERE id IN ({marks})", *ids)}
        return [found[file] for file in ids if file in found]

    def texts(self) -> list[tuple[str, str]]:
        """Id and search text of all that can be played."""
        return self._select("SELECT id, text FROM files WHERE reason IS NULL")

    def newest(self, limit: int) -> list[Row]:
        """What was added last."""
        return list(self._rows("WHERE reason IS NULL ORDER BY added_at DESC, path LIMIT ?", limit))

    def under(self, root: str) -> list[Row]:
        """What can be played of one folder, in the order of its names."""
        return list(self._rows("WHERE reason IS NULL AND root = ? ORDER BY path", root))

    def unreadable(self) -> list[Row]:
        """What cannot be played, and why."""
        return list(self._rows("WHERE reason IS NOT NULL ORDER BY root, path"))

    def count(self) -> int:
        """How many can be played."""
        return int(self._select("SELECT count(*) FROM files WHERE reason IS NULL")[0][0])

    def _rows(self, where: str, *values: object) -> Iterator[Row]:
        for row in self._select(f"SELECT {_COLUMNS} FROM files {where}", *values):  # noqa: S608  all ours
            yield Row(*row)

    def _select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _change(self) -> Generator[sqlite3.Connection]:
        with self._lock, self._database:
            yield self._database


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        if database.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            database.executescript(f"DROP TABLE IF EXISTS files; {_SCHEMA}")
    except BaseException:
        database.close()
        raise
    return database
