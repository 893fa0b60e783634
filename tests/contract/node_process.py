"""The built-in node as a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.contract.node_client import NodeAddress

ROOT = Path(__file__).parents[2]
PASSWORD = "contract-password"


class NodeProcess:
    """A child `python -m lavalink`."""

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.info_file = folder / "node.json"
        self.log = folder / "node.log"
        command = [sys.executable, "-m", "lavalink", "--host", "127.0.0.1", "--port", "0"]
        command += ["--password-env", "NODE_PASSWORD", "--info-file", str(self.info_file), *arguments]
        environment = os.environ | {"NODE_PASSWORD": PASSWORD} | (env or {})
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)

    def wait_ready(self, within: float = 10) -> NodeAddress:
        """Its address once it listens."""
        end = time.monotonic() + within
        while not self.info_file.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.01)
        info = json.loads(self.info_file.read_text())
        return NodeAddress(f"http://127.0.0.1:{info['port']}", info["password"], chorus=True, pid=info["pid"])

    def stop(self) -> int:
        """Ends it; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
