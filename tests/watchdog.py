"""Stops a test run's PostgreSQL when its last process is gone, however it went: `python -m tests.watchdog DATA`.

Started by each process of the run with a pipe to it, which ends with the process.
"""

import json
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil


def stop(data: Path) -> None:
    """Stop the server of this folder and remove it, unless another process of the run is left."""
    users = json.loads((data / ".handle_pids.json").read_text())
    if any(psutil.pid_exists(user) for user in users):
        return
    server = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
    if str(data) in server.cmdline():
        server.send_signal(signal.SIGQUIT)
        server.wait(10)
    shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.read()
    with suppress(OSError, ValueError, psutil.Error):  # stopped already, as it should be
        stop(Path(sys.argv[1]))
