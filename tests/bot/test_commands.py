"""The command line, as an operator types it."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.config import Settings
from core.bus import LocalBus
from core.enums import Surface
from core.records.grants import Subject
from core.room import Room
from core.types import LOBBY, EntryId, Identity, PersonId
from db.engine import Database
from db.instance import FileLock, Instance
from db.migrate import migrate
from db.places import SqlPlaces
from db.purchases import SqlPurchases
from db.rooms import SqlRooms
from tests import sound
from tests.db.commands import play as played
from tests.waiting import free_port

ROOT = Path(__file__).parents[2]


def bot(*words: str, data: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m bot …` to its end."""
    clean = {"PATH": os.environ["PATH"], "DATA_DIR": str(data), "PORT": str(free_port()), **env}
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60, check=False)


def test_check_says_a_line_for_each_setting(tmp_path: Path) -> None:
    done = bot("check", data=tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    said = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("ok ")}
    assert said == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("DATABASE_URL", "postgresql://chorus:hush@127.0.0.1:1/chorus", "cannot be reached"),
        ("REDIS_URL", "redis://127.0.0.1:1", "cannot be reached"),
        ("LAVALINK_NODES", "java=http://hush@127.0.0.1:1", "127.0.0.1:1 cannot be reached"),
        ("LAVALINK_NODES", "java", "expected name=http://password@host:port"),
        ("DISCORD_API_URL", "http://127.0.0.1:1/api/v10", "cannot be reached"),
        ("TELEGRAM_API_URL", "http://127.0.0.1:1", "cannot be reached"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "cannot be reached"),
        ("ICECAST_URL", "http://source:hush@127.0.0.1:1", "cannot be reached"),
        ("SMTP_URL", "smtp://someone:hush@127.0.0.1:1", "127.0.0.1:1 takes no mail"),
    ],
)
def test_check_says_what_is_wrong_and_no_secret(tmp_path: Path, setting: str, value: str, words: str) -> None:
    discord = {"DISCORD_TOKEN": "hush", "DISCORD_API_URL": "http://127.0.0.1:1/api/v10"}
    telegram = {"TELEGRAM_TOKEN": "7:hush", "TELEGRAM_API_URL": "http://127.0.0.1:1"}
    done = bot("check", data=tmp_path / "data", **{**discord, **telegram, setting: value})
    assert done.returncode == 1
    assert any(line.startswith(f"WRONG  {setting} ") and words in line for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == len(Settings.model_fields), "one wrong setting hides no other"
    assert done.stderr == ""
    assert "hush" not in done.stdout


def test_a_setting_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    done = bot("run", data=tmp_path / "data", TRUSTED_PROXIES="nonsense")
    assert done.returncode == 2
    assert done.stderr == "TRUSTED_PROXIES: 'nonsense' does not appear to be an IPv4 or IPv6 network\n"


def test_migrate_makes_the_database_and_may_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        done = bot("migrate", data=tmp_path / "data")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "data" / "chorus.db").exists()
    assert bot("audit", data=tmp_path / "data").returncode == 0


def test_a_backup_is_restored_into_another_data_folder(tmp_path: Path) -> None:
    file, upload = tmp_path / "chorus.zip", tmp_path / "old" / "uploads" / "ab12"
    assert bot("backup", str(file), data=tmp_path / "old").returncode == 1, "there is nothing yet"
    assert bot("migrate", data=tmp_path / "old").returncode == 0
    upload.parent.mkdir()
    upload.write_bytes(b"sound")
    saved = bot("backup", str(file), data=tmp_path / "old")
    assert saved.returncode == 0, saved.stderr
    assert "1 uploads" in saved.stdout
    for _ in range(2):  # nothing is in it, so it is still empty
        restored = bot("restore", str(file), data=tmp_path / "new")
        assert restored.returncode == 0, restored.stderr
    assert (tmp_path / "new" / "uploads" / "ab12").read_bytes() == b"sound"


def test_restoring_over_a_running_bot_or_from_anything_else_is_refused(tmp_path: Path) -> None:
    file, data = tmp_path / "chorus.zip", tmp_path / "data"
    bot("migrate", data=data)
    bot("backup", str(file), data=data)
    lock = FileLock(data / "chorus.db.lock")
    lock.acquire()
    try:
        done = bot("restore", str(file), "--replace", data=data)
    finally:
        lock.release()
    assert (done.returncode, "in use" in done.stderr) == (1, True)
    (tmp_path / "song.zip").write_bytes(b"la la la")
    done = bot("restore", str(tmp_path / "song.zip"), "--replace", data=data)
    assert (done.returncode, done.stderr.count("\n"), "no backup" in done.stderr) == (1, 1, True)


async def filled(data: Path) -> PersonId:
    """A database where somebody played two tracks, one of which a spreadsheet would run."""
    database = Database(f"sqlite:///{data}/chorus.db")
    await migrate(database)
    places = SqlPlaces(database, SystemClock())
    await places.lobby()
    ann = await places.person(Identity(Surface.DISCORD, "7", 'Ann, the "Great"'))

    def command(room: Room) -> None:
        for title in ("=cmd()", "Un été"):
            room.changes.plays.append(replace(played(room, EntryId(1)), title=title, person=ann))

    await SqlRooms(database, LocalBus(), SystemClock()).apply(LOBBY, command)
    await database.close()
    return ann


async def test_plays_are_exported_for_spreadsheets_and_programs(tmp_path: Path) -> None:
    ann = await filled(tmp_path / "data")
    done = bot("export", "plays", data=tmp_path / "data")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [(it["title"], it["person"]) for it in rows] == [("'=cmd()", ann), ("Un été", ann)]
    done = bot("export", "plays", "--format", "jsonl", "--room", "lobby", data=tmp_path / "data")
    assert [json.loads(line)["title"] for line in done.stdout.splitlines()] == ["=cmd()", "Un été"]
    assert "plays.exported" in bot("audit", data=tmp_path / "data").stdout


async def test_a_person_is_shown_and_forgotten(tmp_path: Path) -> None:
    ann = await filled(tmp_path / "data")
    database = Database(f"sqlite:///{tmp_path}/data/chorus.db")
    purchases = SqlPurchases(database, SystemClock())
    account = await purchases.account(Subject("web:lobby"), ann, livemode=False)
    await purchases.bind(account.id, "cus_ann")
    await database.close()
    shown = json.loads(bot("export-person", "discord:7", data=tmp_path / "data").stdout)
    assert shown["persons"] == [ann]
    assert [it["title"] for it in shown["tables"]["plays"]] == ["=cmd()", "Un été"]
    assert bot("forget-person", ann, data=tmp_path / "data").returncode == 1, "it asks, and nobody answers"
    done = bot("forget-person", ann, "--yes", data=tmp_path / "data")
    assert (done.returncode, "2 in plays" in done.stdout) == (0, True), done.stderr
    assert "Stripe knows them still: delete cus_ann there" in done.stdout
    done = bot("export-person", ann, data=tmp_path / "data")
    assert (done.returncode, done.stderr) == (1, f"nobody is known as {ann}\n")
    assert "anonymous" in bot("export", "plays", data=tmp_path / "data").stdout


def test_scan_indexes_the_folders_and_names_what_cannot_be_played(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    sound.write_tone(music / "Tone.flac", 440, 1.0, tags={"title": "Tone"})
    (music / "broken.mp3").write_bytes(b"nothing")
    done = bot("library", "scan", data=tmp_path / "data", LIBRARY_PATHS=str(music))
    assert done.returncode == 0, done.stderr
    assert "1 tracks" in done.stdout
    assert "broken.mp3" in done.stdout


def test_a_data_folder_serves_one_bot(tmp_path: Path) -> None:
    holder = Instance(tmp_path / "data")
    holder.acquire()
    try:
        done = bot("run", data=tmp_path / "data")
    finally:
        holder.release()
    assert done.returncode == 1
    assert "in use" in done.stderr
