"""What operators copy has to fit the code: compose, the Java node's settings, the lock files."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

from bot.config import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_compose_sets_every_setting_and_no_other() -> None:
    names = {name.upper() for name in Settings.model_fields}
    assert set(COMPOSE["services"]["bot"]["environment"]) == names


def test_every_service_is_watched_and_bounded() -> None:
    for name, service in COMPOSE["services"].items():
        assert "mem_limit" in service, name
        assert "healthcheck" in service or "HEALTHCHECK" in (ROOT / "Dockerfile").read_text(), name


def test_the_java_node_is_a_profile() -> None:
    assert COMPOSE["services"]["lavalink"]["profiles"] == ["java"]
    assert ":4.2" in COMPOSE["services"]["lavalink"]["image"]


def test_third_party_sources_of_the_java_node_are_off() -> None:
    text = re.sub(
        r"\$\{[A-Z0-9_]+:?([^}]*)\}", lambda match: match[1] or "x", (ROOT / "lavalink/application.yml").read_text()
    )
    config = yaml.safe_load(text)
    sources = config["lavalink"]["server"]["sources"]
    assert [name for name, on in sources.items() if on] == ["http"]
    assert config["plugins"]["youtube"]["enabled"] is False
    assert not any(config["plugins"]["lavasrc"]["sources"].values())


def _pins(name: str) -> dict[str, set[str]]:
    """Versions by package of a lock file; asserts that each pin carries a hash."""
    pins: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text()):
        if found := re.match(r"([a-z0-9._-]+)==([^ ;\\\n]+)", block):
            assert "--hash=sha256:" in block, block
            pins.setdefault(found[1], set()).add(found[2])
    return pins


def test_locks_are_in_step_with_the_project_and_each_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run, dev = _pins("requirements.lock"), _pins("requirements-dev.lock")
    wanted = [(run, line) for line in project["project"]["dependencies"]]
    wanted += [(dev, line) for line in project["dependency-groups"]["dev"]]
    for pins, line in wanted:
        requirement = Requirement(line)
        versions = pins.get(re.sub(r"[-_.]+", "-", requirement.name.lower()))
        assert versions, f"{requirement.name} is not locked: make lock"
        assert all(requirement.specifier.contains(version) for version in versions), line
    assert {name: dev.get(name) for name in run} == run


def test_lock_files_name_no_host() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / name).read_text()
