"""Every setting, from the environment or `.env`."""

import ipaddress
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _paths(value: object) -> object:
    return tuple(Path(part).expanduser() for part in value.split(":") if part) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)]


class Settings(BaseSettings):
    """One environment variable each, named like the field in capitals. Empty means unset."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    discord_token: SecretStr | None = Field(default=None, description="Bot token; without it Discord is off")
    discord_api_url: str = Field(default="https://discord.com/api/v10", description="REST base")
    database_url: SecretStr | None = Field(default=None, description="SQLite in DATA_DIR unless set; Postgres by URL")
    redis_url: SecretStr | None = Field(default=None, description="What several processes share; one does without")
    lavalink_nodes: SecretStr = Field(
        default=SecretStr(""), description="name=http://password@host:port …, `builtin` among them to keep it"
    )
    media_url: str = Field(default="", description="How nodes reach us; http://127.0.0.1:$PORT unless set")
    media_allow: Words = Field(default=(), description="Private hosts or networks that media may come from")
    library_paths: Paths = Field(default=(), description="Music folders, separated by colons")
    public_url: str = Field(default="", description="The page's address; http://localhost:$PORT unless set")
    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on")
    trusted_proxies: Words = Field(default=(), description="Networks whose X-Forwarded-For counts")
    data_dir: Path = Field(default=Path("data"), description="Database, uploads, covers, keys")
    secret_key: SecretStr | None = Field(
        default=None, description="Made once and kept in DATA_DIR unless set; a comma list rotates"
    )
    metrics_token: SecretStr | None = Field(default=None, description="Lets others than loopback read /metrics")
    otel_exporter_otlp_endpoint: str | None = Field(default=None, description="Where traces go; nowhere unless set")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_supported(cls, value: SecretStr | None) -> SecretStr | None:
        kind = value.get_secret_value().partition(":")[0].partition("+")[0] if value else "sqlite"
        if kind not in {"sqlite", "postgresql", "postgres"}:
            message = "must start with sqlite:/// or postgresql://"
            raise ValueError(message)
        return value

    @field_validator("discord_api_url", "media_url", "public_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"http", "https"}:
            message = "must start with http:// or https://"
            raise ValueError(message)
        return value.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _defaults_that_follow(cls, values: dict[str, object]) -> dict[str, object]:
        port = values.get("port") or 8080
        for name, host in (("media_url", "127.0.0.1"), ("public_url", "localhost")):
            values[name] = values.get(name) or f"http://{host}:{port}"
        return values

    @model_validator(mode="after")
    def _paths_exist(self) -> Self:
        for path in self.library_paths:
            if not path.is_dir():
                message = f"LIBRARY_PATHS: {path} is not a folder"
                raise ValueError(message)
        return self

    @property
    def database(self) -> str:
        """The database's URL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'chorus.db'}"


def revealed(secret: SecretStr | None) -> str | None:
    """The text of an optional secret."""
    return secret.get_secret_value() if secret is not None else None


def reachable(url: str) -> str | None:
    """An address that others than this machine may reach; Discord refuses messages with links to `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return url if ipaddress.ip_address(host).is_global else None
    except ValueError:
        return url if "." in host else None
