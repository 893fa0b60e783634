"""Settings: defaults that follow, refusals, secrets that stay secret."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.config import Settings, reachable, secrets_of
from bot.keys import KeyFileError, Keys, load_keys


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_addresses_follow_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    settings = Settings()
    assert settings.media_url == "http://127.0.0.1:9000"
    assert settings.public_url == "http://localhost:9000"
    assert settings.database == "sqlite+aiosqlite:///data/chorus.db"


def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "")
    monkeypatch.setenv("PUBLIC_URL", "")
    settings = Settings()
    assert settings.discord_token is None
    assert settings.public_url == "http://localhost:8080"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("MEDIA_ALLOW", "nas.lan 10.0.0.0/99"),
        ("PUBLIC_URL", "ftp://x"),
        ("PUBLIC_URL", "https://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("REDIS_URL", "localhost"),
        ("ICECAST_URL", "icecast.example:8000"),
        ("SECRET_KEY", " , "),
        ("TELEGRAM_TOKEN", "hush-hush"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("DATABASE_URL", "mysql://me@127.0.0.1/x"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "postgresql://me@host:port/x"),
        ("LIBRARY_PATHS", "/nowhere"),
        ("STRIPE_SECRET_KEY", "pk_test_1"),
        ("STRIPE_SECRET_KEY", "sk_test_1"),  # without a secret for what Stripe tells
        ("STRIPE_WEBHOOK_SECRET", "whsec_1 hush"),
        ("STRIPE_API_URL", "api.stripe.com"),
        ("SMTP_URL", "mail.example.org"),
        ("SMTP_URL", "http://mail.example.org"),
        ("SMTP_URL", "smtp://mail.example.org:x"),
        ("SMTP_URL", "smtp://mail.example.org?from=nobody"),
        ("TRIAL_DAYS", "-1"),
        ("GRACE_DAYS", "a week"),
    ],
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_hosts_and_networks_may_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_ALLOW", "nas.lan, 10.0.0.0/8 fd00::/8")
    assert Settings().media_allow == ("nas.lan", "10.0.0.0/8", "fd00::/8")


def test_secrets_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hush-hush"
    for name in ("DISCORD_TOKEN", "SECRET_KEY", "METRICS_TOKEN", "LAVALINK_NODES"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{secret}@127.0.0.1/x")
    monkeypatch.setenv("TELEGRAM_TOKEN", f"7:{secret}")
    assert secret not in repr(Settings())
    monkeypatch.setenv("DATABASE_URL", f"mysql://me:{secret}@127.0.0.1/x")
    with pytest.raises(ValidationError) as error:
        Settings()
    assert secret not in str(error.value)


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = load_keys(None, tmp_path / "data")
    path = tmp_path / "data" / "secret.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keys(None, tmp_path / "data").derive("web") == first.derive("web")
    assert first.derive("web") != first.derive("media")


def test_an_empty_key_file_is_no_key(tmp_path: Path) -> None:
    """Whatever emptied it: what an empty key signs, anybody can sign."""
    (tmp_path / "secret.key").write_text("\n")
    with pytest.raises(KeyFileError, match=r"secret\.key is empty"):
        load_keys(None, tmp_path)


def test_rotation_signs_with_the_first_and_verifies_with_all() -> None:
    old, both = Keys("old").derive("web"), Keys("new, old").derive("web")
    assert len(both) == 2
    assert both[1] == old[0]
    assert both[0] != old[0]


def test_every_setting_is_documented() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    fields: dict[str, Any] = dict(Settings.model_fields)
    missing = [name.upper() for name in fields if f"`{name.upper()}`" not in readme]
    assert not missing


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost:8080", False),
        ("http://127.0.0.1:8080", False),
        ("http://192.168.1.4", False),
        ("https://music.example.org", True),
    ],
)
def test_links_are_shown_only_where_people_can_follow_them(url: str, shown: bool) -> None:
    assert reachable(url) == (url if shown else None)


@pytest.mark.parametrize(("key", "live"), [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True)])
def test_stripes_keys_tell_test_from_live(monkeypatch: pytest.MonkeyPatch, key: str, *, live: bool) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", key)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_new whsec_old")
    settings = Settings()
    assert settings.stripe_live is live
    assert secrets_of(settings.stripe_webhook_secret) == ("whsec_new", "whsec_old")
    assert "whsec" not in repr(settings)
    assert key not in repr(settings)
