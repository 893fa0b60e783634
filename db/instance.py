"""What only one process may hold at a time, by locks of the operating system that go with the process."""

import fcntl
import os
import secrets
from pathlib import Path

from db.engine import Database


class InUseError(Exception):
    """Another process holds `path`; `pid` is its number, if it said so."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{path} is in use by {holder}; stop it first, or give this one a place of its own")
        self.path = path
        self.pid = pid


class FileLock:
    """An exclusive lock on a file, kept until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock and leave our process id in the file. Raises InUseError, OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(file, 20).decode(errors="replace").strip()
            os.close(file)
            raise InUseError(self.path, int(pid) if pid.isdecimal() else None) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Let it go; the file stays, because removing it would let two processes lock two files of one name."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Instance:
    """This installation's name among those that share a database, kept in the data folder.

    A restarted process has the same id, and so takes its slots and node sessions back at once.
    """

    def __init__(self, data_dir: Path) -> None:
        self.id = ""
        self._path = data_dir / "instance"
        self._lock = FileLock(data_dir / "instance.lock")

    def acquire(self) -> None:
        """Read the id, or make one up. Raises InUseError while another process uses the data folder; OSError."""
        self._lock.acquire()
        self.id = self._path.read_text().strip() if self._path.exists() else ""
        if not self.id:
            self.id = secrets.token_hex(8)
            self._path.write_text(f"{self.id}\n")

    def release(self) -> None:
        """Let another process have it."""
        self._lock.release()


def running_bot(database: Database) -> FileLock | None:
    """The lock that a running bot holds beside its SQLite file; None on PostgreSQL, which serves several."""
    return FileLock(database.path.with_name(f"{database.path.name}.lock")) if database.path else None
