import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from db.engine import Database
from db.instance import FileLock, Instance, InUseError, running_bot

HOLD = """
import sys, time
from pathlib import Path
from db.instance import Instance
instance = Instance(Path(sys.argv[1]))
instance.acquire()
print(instance.id, flush=True)
time.sleep(60)
"""


def test_an_instance_keeps_its_id(tmp_path: Path) -> None:
    ids: list[str] = []
    for _ in range(2):
        instance = Instance(tmp_path / "data")
        instance.acquire()
        ids.append(instance.id)
        instance.release()
    assert ids[0] == ids[1] != ""


def test_one_process_has_the_data_folder_until_it_ends_however(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        name = holder.stdout.readline().strip()
        with pytest.raises(InUseError, match=str(holder.pid)) as caught:
            Instance(tmp_path).acquire()
        assert caught.value.pid == holder.pid
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert holder.stdout
        holder.stdout.close()
    instance = Instance(tmp_path)
    instance.acquire()
    assert instance.id == name
    instance.release()


def test_a_file_left_behind_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "x.lock").write_text("999999 and more nonsense")
    lock = FileLock(tmp_path / "x.lock")
    lock.acquire()
    assert (tmp_path / "x.lock").read_text() == f"{os.getpid()}\n"
    lock.release()


async def test_one_bot_runs_on_a_sqlite_file(sqlite_url: str) -> None:
    first, second = running_bot(Database(sqlite_url)), running_bot(Database(sqlite_url))
    assert first
    assert second
    first.acquire()
    with pytest.raises(InUseError, match=r"chorus\.db"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_postgres_serves_several() -> None:
    assert running_bot(Database("postgresql://localhost/chorus")) is None
