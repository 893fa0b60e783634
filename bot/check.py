"""Tries every setting and prints one line for it."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from audio.guard import Guard
from audio.node import NodeAddress
from audio.nodes import NodeSettingError, parse_nodes
from audio.sources import SourceSettingError, open_sources
from billing.plans import PlansError, read_plans
from bot import check_chats, check_payments
from bot.checking import WrongError, asked
from bot.config import Settings, reachable, revealed
from bot.keys import KeyFileError, load_keys
from bot.mail import greet
from bot.mail_server import server_of
from bot.plans import open_plans
from core.errors import ChorusError
from core.ports.notices import NotSentError
from db.engine import Database
from db.migrate import newest, revision

WIDTH = max(map(len, Settings.model_fields))

Check = Callable[[Settings], Awaitable[str]]


async def check_all(settings: Settings) -> int:
    """Print a line for each; 1 when anything is wrong."""
    wrong = 0
    for name, check in CHECKS.items():
        try:
            typer.echo(f"ok     {name.upper():<{WIDTH}} {await check(settings)}")
        except WrongError as error:
            wrong += 1
            typer.echo(f"WRONG  {name.upper():<{WIDTH}} {error}")
    return 1 if wrong else 0


async def _data_dir(settings: Settings) -> str:
    folder = settings.data_dir

    def writable() -> bool:
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)

    try:
        if not await asyncio.to_thread(writable):
            raise WrongError(f"{folder} cannot be written")
    except OSError as error:
        raise WrongError(f"{folder}: {error.strerror}") from None
    return str(folder)


async def _database(settings: Settings) -> str:
    database = Database(settings.database)
    try:
        if database.path is not None and not await asyncio.to_thread(Path(database.path).exists):
            return "SQLite, made at the first start"
        found = await revision(database)
    except ChorusError as error:
        raise WrongError(f"cannot be reached ({type(error.__cause__ or error).__name__})") from None
    finally:
        await database.close()
    return f"{database.dialect}, " + ("up to date" if found == newest() else "migrated at the next start")


async def _redis(settings: Settings) -> str:
    if settings.redis_url is None:
        return "off: one process does without"
    url = settings.redis_url.get_secret_value()
    client: Any = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)  # pyright: ignore[reportUnknownMemberType] - half typed
    try:
        await client.ping()
    except RedisError as error:
        raise WrongError(f"cannot be reached ({type(error).__name__})") from None
    finally:
        await client.aclose()
    return "on"


def _parsed(settings: Settings) -> tuple[bool, list[NodeAddress]]:
    try:
        return parse_nodes(settings.lavalink_nodes.get_secret_value())
    except NodeSettingError as error:
        raise WrongError(str(error)) from None


async def _nodes(settings: Settings) -> str:
    builtin, addresses = _parsed(settings)
    versions = ["builtin"] * builtin + [await _version(address) for address in addresses]
    return ", ".join(versions)


async def _version(node: NodeAddress) -> str:
    async with asked(f"{node.uri}/version", {"Authorization": node.password}) as answer:
        if answer.status in {401, 403}:
            raise WrongError(f"{node.name}: the password is refused")
        return f"{node.name} {(await answer.text()).strip()}"


async def _host(settings: Settings) -> str:
    try:
        await asyncio.to_thread(socket.getaddrinfo, settings.host, None)
    except OSError as error:
        raise WrongError(f"{settings.host}: {error.strerror}") from None
    return settings.host


async def _port(settings: Settings) -> str:
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise WrongError(f"{settings.host}:{settings.port}: {error.strerror} (running already?)") from None
    return str(settings.port)


async def _public_url(settings: Settings) -> str:
    if reachable(settings.public_url) is None:
        return f"{settings.public_url}: for this machine or network, so messages in Discord have no link to it"
    return settings.public_url


async def _sources(settings: Settings) -> str:
    guard = Guard(settings.media_allow)
    try:
        await open_sources(settings.sources, guard).close()
    except SourceSettingError as error:
        raise WrongError(str(error)) from None
    finally:
        await guard.close()
    return " ".join(settings.sources) or "none but music folders, uploads and links"


async def _media_allow(settings: Settings) -> str:
    return " ".join(settings.media_allow) or "no private address"


async def _trusted_proxies(settings: Settings) -> str:
    return " ".join(settings.trusted_proxies) or "none: people are told apart by the address that connects"


async def _secret_key(settings: Settings) -> str:
    try:
        keys = await asyncio.to_thread(load_keys, revealed(settings.secret_key), settings.data_dir)
    except (KeyFileError, OSError) as error:
        raise WrongError(str(error)) from None
    where = "set" if settings.secret_key else f"kept in {settings.data_dir / 'secret.key'}"
    return f"{where}; {len(keys.derive('check'))} verify, the first signs"


async def _metrics_token(settings: Settings) -> str:
    return "on" if settings.metrics_token else "off: /metrics answers this machine alone"


async def _traces(settings: Settings) -> str:
    if (url := settings.otel_exporter_otlp_endpoint) is None:
        return "off"
    async with asked(url, {}):
        return url


async def _plans(settings: Settings) -> str:
    try:
        return ", ".join(await asyncio.to_thread(read_plans, settings.plans_file))
    except PlansError as error:
        raise WrongError(str(error)) from None


async def _default_plan(settings: Settings) -> str:
    try:
        return (await asyncio.to_thread(open_plans, settings)).default
    except PlansError as error:
        raise WrongError(str(error)) from None


async def _hls(settings: Settings) -> str:
    return f"on: {settings.public_url}/r/<room>/live.m3u8" if settings.hls else "off"


async def _icecast(settings: Settings) -> str:
    """Whether it lets sources in is seen when a room plays: trying it would put up a mount."""
    if settings.icecast_url is None:
        return "off"
    url = urlsplit(settings.icecast_url.get_secret_value())
    host = url.hostname or ""
    async with asked(f"{url.scheme}://{host}{f':{url.port}' if url.port else ''}/status-json.xsl", {}):
        return f"rooms are mounted on {host}"


async def _smtp(settings: Settings) -> str:
    if settings.smtp_url is None:
        return "off: nobody is written to by e-mail"
    server = server_of(settings.smtp_url.get_secret_value())
    try:
        await greet(server)
    except NotSentError as error:
        raise WrongError(f"{server.host}:{server.port} takes no mail ({error})") from None
    return f"{server.host}, as {server.sender}"


async def _library(settings: Settings) -> str:
    for path in settings.library_paths:
        if not await asyncio.to_thread(os.access, path, os.R_OK | os.X_OK):
            raise WrongError(f"{path} cannot be read")
    return ", ".join(map(str, settings.library_paths)) or "none: the demo tracks"


async def _share_library(settings: Settings) -> str:
    return "on: /voice sends its tracks into chats" if settings.share_library else "off"


async def _media(settings: Settings) -> str:
    builtin, addresses = _parsed(settings)
    far = [node.name for node in addresses if urlsplit(node.uri).hostname not in {"127.0.0.1", "localhost", "::1"}]
    if far and urlsplit(settings.media_url).hostname in {"127.0.0.1", "localhost"}:
        raise WrongError(f"{settings.media_url} is not reachable for {', '.join(far)}: set MEDIA_URL")
    if not builtin:
        return f"{settings.media_url}; without the built-in node web streams need another with the chorus extension"
    return settings.media_url


CHECKS: dict[str, Check] = {
    "data_dir": _data_dir,
    "secret_key": _secret_key,
    "database_url": _database,
    "redis_url": _redis,
    "host": _host,
    "port": _port,
    "public_url": _public_url,
    "trusted_proxies": _trusted_proxies,
    "library_paths": _library,
    "share_library": _share_library,
    "lavalink_nodes": _nodes,
    "media_url": _media,
    "media_allow": _media_allow,
    "sources": _sources,
    "discord_api_url": check_chats.discord_api,
    "discord_token": check_chats.discord,
    "telegram_api_url": check_chats.telegram_api,
    "telegram_token": check_chats.telegram,
    "telegram_app": check_chats.telegram_app,
    "discord_test_entitlements": check_chats.test_entitlements,
    "terms": check_chats.terms,
    "pay_support": check_chats.pay_support,
    "plans_file": _plans,
    "default_plan": _default_plan,
    "smtp_url": _smtp,
    "stripe_secret_key": check_payments.stripe_key,
    "stripe_webhook_secret": check_payments.webhook_secret,
    "stripe_connect_webhook_secret": check_payments.connect_secret,
    "stripe_api_url": check_payments.stripe_url,
    "stripe_tax": check_payments.stripe_tax,
    "trial_days": check_payments.trial_days,
    "grace_days": check_payments.grace_days,
    "tips": check_payments.tips,
    "tip_fee": check_payments.tip_fee,
    "hls": _hls,
    "icecast_url": _icecast,
    "metrics_token": _metrics_token,
    "otel_exporter_otlp_endpoint": _traces,
}
"""By the setting's name."""
