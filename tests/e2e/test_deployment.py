"""What compose and the Dockerfile would run, run here: the commands, their health checks, the settings."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import Settings
from tests.e2e.product import Product
from tests.waiting import free_port, until

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PASSWORDS = {"POSTGRES_PASSWORD": "pg-word", "LAVALINK_PASSWORD": "node-word"}


def expanded(value: object) -> str:
    """As compose fills in `${NAME:-default}` and `${NAME:?message}` with the two passwords set."""
    nested = str(value)
    while (found := re.search(r"\$\{(\w+):([-?])((?:[^${}]|\$(?!\{))*)\}", nested)) is not None:
        name, kind, rest = found.groups()
        assert kind == "-" or name in PASSWORDS, f"compose would not start without {name}"
        nested = nested.replace(found[0], PASSWORDS.get(name, rest))
    return nested


async def healthy(command: list[str], **env: str) -> bool:
    """Whether a health check says yes."""
    check = await asyncio.create_subprocess_exec(
        sys.executable, *command[1:], env={"PATH": os.environ["PATH"], **env}, stderr=asyncio.subprocess.DEVNULL
    )
    return await asyncio.wait_for(check.wait(), 10) == 0


@asynccontextmanager
async def node(port: int) -> AsyncGenerator[None]:
    """The node's service, on a port of this machine."""
    given: dict[str, str] = {"python": sys.executable, "0.0.0.0": "127.0.0.1", "2333": str(port)}
    command = [given.get(str(word), str(word)) for word in SERVICES["node"]["command"]]
    env = {name: expanded(value) for name, value in SERVICES["node"]["environment"].items()}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={"PATH": os.environ["PATH"], **env})
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)


def test_the_bots_settings_are_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SERVICES["bot"]["environment"].items():
        monkeypatch.setenv(name, expanded(value))
    monkeypatch.setenv("LIBRARY_PATHS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.database == "postgresql+asyncpg://chorus:pg-word@postgres/chorus"
    assert settings.lavalink_nodes.get_secret_value() == "node=http://node-word@node:2333"
    assert settings.media_url.startswith("http://bot:")
    assert f"--media-origin {settings.media_url} " in f"{' '.join(SERVICES['node']['command'])} "


async def test_the_nodes_health_is_told() -> None:
    port = free_port()
    _, *check = [word.replace("2333", str(port)) for word in SERVICES["node"]["healthcheck"]["test"]]
    async with node(port):
        await until(lambda: healthy(check, LAVALINK_PASSWORD="node-word"), within=15, every=0.2)
        assert not await healthy(check, LAVALINK_PASSWORD="another")
    assert not await healthy(check, LAVALINK_PASSWORD="node-word")


async def test_the_bots_health_is_told(chorus: Product) -> None:
    found = re.search(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
    assert found
    check = [word.replace("8080", str(chorus.port)) for word in json.loads(found[1])]
    assert await healthy(check)
    await chorus.stop()
    assert not await healthy(check)
