"""The file that a backup is: a ZIP of tables and files.

`manifest.json` says the format, the schema's revision and how many rows and files there are, `tables/<name>.jsonl` has
a JSON object for each row, `files/<folder>/<name>` are the files that go with the rows. Bytes are base64.
"""

import base64
import json
import os
import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from pydantic import TypeAdapter, ValidationError

FORMAT = 1
_PLAIN = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]*")

Values = dict[str, Any]
Row = Mapping[Any, Any]


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: rows by table, files by folder. `made_at` is UTC in ms."""

    revision: str
    made_at: int
    tables: dict[str, int] = field(default_factory=dict[str, int])
    files: dict[str, int] = field(default_factory=dict[str, int])
    format: int = FORMAT


_manifest: TypeAdapter[Manifest] = TypeAdapter(Manifest)


class Writing:
    """An archive that is being written."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive

    @contextmanager
    def table(self, name: str) -> Generator[Callable[[Iterable[Row]], None]]:
        """A function that adds rows to a table."""
        with self._archive.open(f"tables/{name}.jsonl", "w", force_zip64=True) as lines:

            def add(rows: Iterable[Row]) -> None:
                lines.write(b"".join(_line(row) for row in rows))

            yield add

    def add_folder(self, name: str, folder: Path) -> int:
        """Add the files of a folder, as they are; how many there were."""
        files = [it for it in sorted(folder.glob("*")) if it.is_file() and _PLAIN.fullmatch(it.name)]
        for file in files:
            self._archive.write(file, f"files/{name}/{file.name}", ZIP_STORED)
        return len(files)

    def finish(self, manifest: Manifest) -> None:
        """Say what is in it."""
        self._archive.writestr("manifest.json", json.dumps(asdict(manifest), indent=2))


@contextmanager
def writing(file: Path) -> Generator[Writing]:
    """A new archive, for its owner alone; it takes its name when it is whole. Raises BackupError."""
    part = file.with_name(f".{file.name}.part")
    try:
        with _created(part) as raw, ZipFile(raw, "w", ZIP_DEFLATED) as archive:
            yield Writing(archive)
        part.replace(file)
    except OSError as error:
        raise BackupError(f"{file} cannot be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)


class Reading:
    """An archive that is read. Everything raises BackupError for one that is damaged."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> Manifest:
        try:
            found = json.loads(self._archive.read("manifest.json"))
            if found["format"] != FORMAT:
                raise BackupError(f"the backup's format is {found['format']}; this version reads format {FORMAT}")
            return _manifest.validate_python(found)
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise BackupError("this is no backup of Chorus: its manifest cannot be read") from error

    def rows(self, table: str) -> Iterator[Values]:
        """The rows of a table, which have to be as many as the manifest says."""
        count = 0
        try:
            with self._archive.open(f"tables/{table}.jsonl") as lines:
                for count, line in enumerate(lines, 1):  # noqa: B007 -- it is looked at afterwards
                    yield json.loads(line, object_hook=_restored)
        except (KeyError, ValueError) as error:
            raise BackupError(f"the backup is damaged: table {table} cannot be read") from error
        if count != self.manifest.tables[table]:
            raise BackupError(f"the backup is damaged: table {table} has {count} rows")

    def unpack(self, name: str, folder: Path) -> int:
        """Put the files of a folder where they belong, unless they are there; how many were put."""
        missing = [it for it in self._files(name) if not (folder / it).exists()]
        for file in missing:
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f".{file}.part"
            with self._archive.open(f"files/{name}/{file}") as packed, part.open("wb") as raw:
                copyfileobj(packed, raw)
            part.replace(folder / file)
        return len(missing)

    def _files(self, name: str) -> list[str]:
        """Names that are names alone: nothing leads out of the folder."""
        prefix = f"files/{name}/"
        found = [it.removeprefix(prefix) for it in self._archive.namelist() if it.startswith(prefix)]
        return [it for it in found if _PLAIN.fullmatch(it)]


@contextmanager
def reading(file: Path) -> Generator[Reading]:
    """An archive that was written before. Raises BackupError."""
    try:
        with ZipFile(file) as archive:
            yield Reading(archive)
    except (BadZipFile, zlib.error, EOFError) as error:
        raise BackupError(f"{file} is damaged, or no backup of Chorus") from error
    except OSError as error:
        raise BackupError(f"{file} cannot be read ({error.strerror})") from error


def _created(part: Path) -> IO[bytes]:
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _line(row: Row) -> bytes:
    return json.dumps(dict(row), ensure_ascii=False, default=_packed).encode(errors="surrogatepass") + b"\n"


def _packed(value: object) -> object:
    if isinstance(value, bytes):
        return {"$base64": base64.b64encode(value).decode()}
    raise TypeError(f"a {type(value).__name__} cannot be backed up")


def _restored(found: Values) -> Any:
    return base64.b64decode(found["$base64"]) if found.keys() == {"$base64"} else found
