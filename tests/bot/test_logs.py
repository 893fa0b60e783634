"""What goes to the log, and what never does."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.logs import configure_logs

KEY = "s3cr3t"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.configure(**before)


def fail(address: str) -> None:
    body = {"chorus": {"taps": [{"url": address}]}}
    assert body
    raise ValueError("it broke")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_traceback_shows_no_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    configure_logs()
    try:
        fail(KEY)
    except ValueError:
        structlog.stdlib.get_logger("x").exception("player failed")
    shown = capsys.readouterr().err
    assert "player failed" in shown
    assert "it broke" in shown
    assert KEY not in shown
