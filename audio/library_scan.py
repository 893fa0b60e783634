"""Walking the music folders: what is new or changed is read, what is gone is dropped."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import structlog

from audio.library_covers import INDIGO, Covers
from audio.library_files import AUDIO_TYPES, UnreadableFileError, read
from audio.library_search import normalise
from audio.library_store import Catalogue, Row
from audio.media_sound import clean

FOLDER_COVERS = ("cover", "folder", "front", "album")
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
BATCH = 50
_PROGRESS_EVERY = 0.2

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is: files read of those that are new or changed, and those seen in all."""

    done: int
    total: int
    seen: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found."""

    tracks: int
    read: int
    removed: int
    unreadable: int
    seconds: float


def labels(roots: Sequence[Path]) -> dict[str, Path]:
    """What each folder is called in ids: its name, or the whole path where two share one."""
    names = [root.name for root in roots]
    return {(root.name if names.count(root.name) == 1 else str(root)): root for root in roots}


def inside(root: Path, path: Path) -> bool:
    """Whether a path stays in its folder once all links are followed. Raises OSError."""
    return path.resolve(strict=True).is_relative_to(root.resolve())


class Scanner:
    """Brings a catalogue up to date with the folders. For one thread; `stop` may be called by another."""

    def __init__(self, catalogue: Catalogue, covers: Covers, roots: Mapping[str, Path], now: Callable[[], int]) -> None:
        self._catalogue = catalogue
        self._covers = covers
        self._roots = roots
        self._now = now
        self._stopped = threading.Event()
        self._folder_covers: dict[Path, bytes | None] = {}

    def stop(self) -> None:
        """Make a running scan return after the file in hand."""
        self._stopped.set()

    def scan(self, progress: Callable[[Progress], None]) -> Scanned:
        """Index every folder; a folder that is away (an unmounted disk) keeps its rows."""
        start = time.monotonic()
        known = self._catalogue.known()
        present, changed = self._look(known)
        self._read(changed, len(present), progress)
        gone = [] if self._stopped.is_set() else [file for file in known if file not in present]
        self._catalogue.drop(gone)
        self._folder_covers.clear()
        unreadable = len(self._catalogue.unreadable())
        return Scanned(self._catalogue.count(), len(changed), len(gone), unreadable, time.monotonic() - start)

    def index(self, path: Path) -> Row | None:
        """Index one file of the folders now."""
        for label, root in self._roots.items():
            if path.is_relative_to(root):
                row = self._row(label, root, path)
                self._catalogue.put([row])
                return row
        return None

    def _look(self, known: Mapping[str, tuple[int, int]]) -> tuple[set[str], list[tuple[str, Path, Path]]]:
        present: set[str] = set()
        changed: list[tuple[str, Path, Path]] = []
        for label, root in self._roots.items():
            if not root.is_dir():
                log.warning("library.folder_missing", folder=str(root))
                present |= {row.id for row in self._catalogue.under(label)}
                continue
            for path in self._files(root):
                file = identify(label, path.relative_to(root))
                present.add(file)
                if _stamp(path) != known.get(file):
                    changed.append((label, root, path))
        return present, changed

    def _files(self, root: Path) -> Iterator[Path]:
        """Music files, hidden ones left out. Links to folders are not followed, links to files only within."""
        for folder, folders, names in os.walk(root):
            if self._stopped.is_set():
                return
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix.lower() in AUDIO_TYPES and not name.startswith(".") and _allowed(root, path):
                    yield path

    def _read(self, changed: Sequence[tuple[str, Path, Path]], seen: int, progress: Callable[[Progress], None]) -> None:
        batch: list[Row] = []
        told = time.monotonic()
        for done, (label, root, path) in enumerate(changed):
            if self._stopped.is_set():
                break
            batch.append(self._row(label, root, path))
            if len(batch) >= BATCH:
                self._catalogue.put(batch)
                batch.clear()
            if time.monotonic() - told > _PROGRESS_EVERY:
                told = time.monotonic()
                progress(Progress(done, len(changed), seen))
        self._catalogue.put(batch)
        progress(Progress(len(changed), len(changed), seen))

    def _row(self, label: str, root: Path, path: Path) -> Row:
        """The row of a file; one that cannot be read keeps its place with the reason."""
        relative = path.relative_to(root)
        mtime, size = _stamp(path) or (0, 0)
        row = Row(
            id=identify(label, relative),
            root=label,
            path=os.fsencode(relative),
            mtime=mtime,
            size=size,
            title=clean(path.stem),
            added_at=self._now(),
        )
        try:
            return self._filled(row, path)
        except (UnreadableFileError, OSError) as error:
            return _failed(row, str(error))
        except Exception as error:  # a tag reader met a file that its author did not think of
            log.exception("library.file_failed", file=row.id)
            return _failed(row, f"it cannot be read ({type(error).__name__})")

    def _filled(self, row: Row, path: Path) -> Row:
        facts = read(path)
        picture = facts.picture or self._folder_cover(path.parent)
        cover = self._covers.store(picture) if picture else None
        return Row(
            id=row.id,
            root=row.root,
            path=row.path,
            mtime=row.mtime,
            size=row.size,
            title=facts.title,
            artist=facts.artist,
            album=facts.album,
            length=facts.length,
            cover=cover[0] if cover else None,
            accent=cover[1] if cover else INDIGO,
            text=normalise(f"{facts.title} {facts.artist} {facts.album}"),
            added_at=row.added_at,
        )

    def _folder_cover(self, folder: Path) -> bytes | None:
        if folder not in self._folder_covers:
            self._folder_covers[folder] = _read_cover(folder)
        return self._folder_covers[folder]


def identify(label: str, relative: Path) -> str:
    """The stable id of a file: a hash of its folder's label and the path within."""
    return sha256(label.encode() + b"\0" + os.fsencode(relative)).hexdigest()[:20]


def _read_cover(folder: Path) -> bytes | None:
    found = {
        path.stem.lower(): path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and not path.is_symlink()
    }
    return next((found[name].read_bytes() for name in FOLDER_COVERS if name in found), None)


def _allowed(root: Path, path: Path) -> bool:
    try:
        return path.is_file() and (not path.is_symlink() or inside(root, path))
    except OSError:
        return False


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _failed(row: Row, reason: str) -> Row:
    log.info("library.file_unreadable", file=row.id, reason=reason)
    return Row(row.id, row.root, row.path, row.mtime, row.size, row.title, added_at=row.added_at, reason=clean(reason))
