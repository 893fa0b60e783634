"""Further surfaces: found by their entry point, started until they work, and nobody else's trouble."""

import sys
from pathlib import Path
from typing import Any

import pytest

from bot.surfaces import Surfaces, installed
from tests.contract import printed
from tests.waiting import until


def install(folder: Path, name: str, code: str) -> None:
    """A package with one surface, as an installer leaves it."""
    (folder / f"{name}.py").write_text(code)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[chorus.surfaces]\n{name} = {name}:make\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


HOST: Any = object()


class Fake:
    """Starts when it has been told to often enough."""

    trouble: str | None = None

    def __init__(self, failures: int = 0) -> None:
        self.failures, self.stopped = failures, 0

    async def start(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError

    async def stop(self) -> None:
        self.stopped += 1


def test_packages_are_found_and_a_broken_one_is_left_out(packages: Path) -> None:
    install(packages, "chorus_lines", printed.source())
    install(packages, "chorus_broken", "import no_such_module_anywhere\n")
    found = installed()
    assert "chorus_lines" in found
    assert "chorus_broken" not in found


def test_what_has_no_settings_is_off(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(packages, "chorus_lines", printed.source())
    make = installed()["chorus_lines"]
    monkeypatch.delenv("LINES_PORT", raising=False)
    assert Surfaces({"lines": make}, lambda _: HOST).states() == {}
    monkeypatch.setenv("LINES_PORT", "0")
    on = Surfaces({"lines": make}, lambda _: HOST)
    assert on.states() == {"lines": "starting"}
    assert on.slots == ["surface:lines"]


async def test_one_is_started_until_it_works_whatever_the_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.surfaces.RETRY", (0.01, 0.02))

    def broken(_host: object) -> Fake:
        raise RuntimeError

    slow, good = Fake(3), Fake()
    running = Surfaces({"bad": broken, "slow": lambda _: slow, "good": lambda _: good}, lambda _: HOST)
    running.start()
    await until(lambda: running.states() == {"slow": None, "good": None})
    assert slow.stopped == 3
    good.trouble = "no line"
    assert running.states()["good"] == "no line"
    await running.stop()
    assert good.stopped == 1


async def test_what_is_stopped_while_it_cannot_start_ends() -> None:
    never = Fake(1_000)
    running = Surfaces({"never": lambda _: never}, lambda _: HOST)
    running.start()
    await until(lambda: "cannot start" in (running.states()["never"] or ""))
    await running.stop()
