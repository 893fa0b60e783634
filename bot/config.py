"""Every setting, from the environment or `.env`."""

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.mail_server import server_of

PLANS = Path(__file__).parents[1] / "plans.toml"


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
    discord_test_entitlements: bool = Field(
        default=False, description="Let test purchases and developers' gifts on Discord count as bought"
    )
    telegram_token: SecretStr | None = Field(default=None, description="Bot token; without it Telegram is off")
    telegram_api_url: str = Field(default="https://api.telegram.org", description="Origin of the Bot API")
    telegram_app: str | None = Field(
        default=None, pattern=r"^\w{3,30}$", description="Name of the Mini App that @BotFather leads to PUBLIC_URL/app"
    )
    terms: str | None = Field(default=None, max_length=2_000, description="What /terms answers: a text or a link")
    pay_support: str | None = Field(
        default=None, max_length=2_000, description="What /paysupport answers: whom to ask about a payment, or a link"
    )
    database_url: SecretStr | None = Field(default=None, description="SQLite in DATA_DIR unless set; Postgres by URL")
    redis_url: SecretStr | None = Field(default=None, description="What several processes share; one does without")
    lavalink_nodes: SecretStr = Field(
        default=SecretStr(""), description="name=http://password@host:port …, `builtin` among them to keep it"
    )
    media_url: str = Field(default="", description="How nodes reach us; http://127.0.0.1:$PORT unless set")
    media_allow: Words = Field(default=(), description="Private hosts or networks that media may come from")
    sources: Words = Field(default=(), description="Further sources by name: yt-dlp, or an installed package's")
    library_paths: Paths = Field(default=(), description="Music folders, separated by colons")
    share_library: bool = Field(default=False, description="Let /voice send tracks of the music folders into chats")
    public_url: str = Field(default="", description="The page's address; http://localhost:$PORT unless set")
    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on")
    trusted_proxies: Words = Field(default=(), description="Networks whose X-Forwarded-For counts")
    data_dir: Path = Field(default=Path("data"), description="Database, uploads, covers, keys")
    secret_key: SecretStr | None = Field(
        default=None, description="Made once and kept in DATA_DIR unless set; a comma list rotates"
    )
    plans_file: Path = Field(default=PLANS, description="The plans and their limits; the one of the product unless set")
    default_plan: str | None = Field(
        default=None,
        description="The plan that every place has, whatever else it was given: the lowest while plans are sold, else "
        "elite",
    )
    stripe_secret_key: SecretStr | None = Field(
        default=None, description="sk_test_… or sk_live_… (or rk_…); without it Stripe sells nothing"
    )
    stripe_webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        validate_default=True,
        description="whsec_… of the webhook endpoint; several, while they rotate",
    )
    stripe_connect_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="The same of the endpoint for connected accounts"
    )
    stripe_api_url: str = Field(default="https://api.stripe.com", description="Origin of Stripe's API")
    stripe_tax: bool = Field(default=False, description="Let Stripe Tax work out taxes at the checkout")
    trial_days: int = Field(default=0, ge=0, le=730, description="Days that a first subscription is free; 0: none")
    grace_days: int = Field(default=7, ge=0, le=60, description="Days that a plan goes on after a payment failed")
    tips: str | None = Field(
        default=None, pattern=r"^[a-z]{3}$", description="eur, usd, jpy …: people may give DJs tips in it, by Stripe"
    )
    tip_fee: int = Field(default=10, ge=0, le=50, description="Percent of a tip that stay with you")
    smtp_url: SecretStr | None = Field(
        default=None, description="smtp[s]://user:password@host:port?from=address of the mail server for notices"
    )
    hls: bool = Field(default=False, description="Serve rooms as HLS too, for a CDN in front")
    icecast_url: SecretStr | None = Field(
        default=None, description="http://source:password@host:port of an Icecast server that rooms are mounted on"
    )
    metrics_token: SecretStr | None = Field(default=None, description="Lets others than loopback read /metrics")
    otel_exporter_otlp_endpoint: str | None = Field(default=None, description="Where traces go; nowhere unless set")

    @field_validator("trusted_proxies", "media_allow")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for network in value:
            if info.field_name == "trusted_proxies" or "/" in network:  # media may also come from a host by its name
                ipaddress.ip_network(network)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_supported(cls, value: SecretStr | None) -> SecretStr | None:
        address = urlsplit(value.get_secret_value() if value else "sqlite:///data")
        kind, file = address.scheme.partition("+")[0], address.path.strip("/")
        if kind not in {"sqlite", "postgresql", "postgres"}:
            raise ValueError("must start with sqlite:/// or postgresql://")
        if kind == "sqlite" and file in {"", ":memory:"}:
            raise ValueError("must name a file: rooms outlive the process")
        if not _has_port(address):
            raise ValueError("must be postgresql://user:password@host:port/name")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and urlsplit(value.get_secret_value()).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("telegram_token")
    @classmethod
    def _is_a_bot_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().partition(":")[0].isdecimal():
            raise ValueError("must be <number>:<secret>, as @BotFather gives it")
        return value

    @field_validator("stripe_secret_key")
    @classmethod
    def _is_a_stripe_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("sk_test_", "sk_live_", "rk_test_", "rk_live_")):
            raise ValueError("must be sk_test_…, sk_live_…, rk_test_… or rk_live_…")
        return value

    @field_validator("stripe_webhook_secret", "stripe_connect_webhook_secret")
    @classmethod
    def _are_webhook_secrets(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.field_name == "stripe_webhook_secret" and info.data.get("stripe_secret_key") and not secrets_of(value):
            raise ValueError("is needed with STRIPE_SECRET_KEY")
        if not all(part.startswith("whsec_") for part in secrets_of(value)):
            raise ValueError("must be whsec_…, several with spaces between")
        return value

    @field_validator("icecast_url")
    @classmethod
    def _is_icecast(cls, value: SecretStr | None) -> SecretStr | None:
        address = urlsplit(value.get_secret_value()) if value else None
        if address and not (address.scheme in {"http", "https"} and address.hostname and _has_port(address)):
            raise ValueError("must be http://source:password@host:port")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            server_of(value.get_secret_value())
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().strip(" ,"):
            raise ValueError("holds no key")
        return value

    @field_validator(
        "discord_api_url", "telegram_api_url", "media_url", "public_url", "otel_exporter_otlp_endpoint",
        "stripe_api_url",
    )  # fmt: skip
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        address = urlsplit(value or "http://none")
        if address.scheme not in {"http", "https"} or not address.hostname or not _has_port(address):
            raise ValueError("must be http:// or https:// and a host")
        return value.rstrip("/") if value else value

    @model_validator(mode="before")
    @classmethod
    def _defaults_that_follow(cls, values: dict[str, object]) -> dict[str, object]:
        port = values.get("port") if str(values.get("port")).isdecimal() else 8080
        for name, host in (("media_url", "127.0.0.1"), ("public_url", "localhost")):
            values[name] = values.get(name) or f"http://{host}:{port}"
        return values

    @field_validator("library_paths")
    @classmethod
    def _are_folders(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        for path in value:
            if not path.is_dir():
                raise ValueError(f"{path} is not a folder")
        return value

    @property
    def stripe_live(self) -> bool:
        """Whether real money moves."""
        return "_live_" in (revealed(self.stripe_secret_key) or "")[:8]

    @property
    def database(self) -> str:
        """The database's URL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'chorus.db'}"


def _has_port(address: SplitResult) -> bool:
    """Whether the port, if one is named, is a number."""
    try:
        return address.port is None or address.port > 0
    except ValueError:
        return False


def secrets_of(words: SecretStr) -> tuple[str, ...]:
    """The texts of secrets with spaces between."""
    return tuple(words.get_secret_value().split())


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
