"""Tries every setting and prints one line for it."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from audio.node import NodeAddress
from audio.nodes import NodeSettingError, parse_nodes
from bot.config import Settings
from core.errors import ChorusError
from db.engine import Database
from db.migrate import newest, revision

PATIENCE = aiohttp.ClientTimeout(total=5)

Check = Callable[[Settings], Awaitable[str]]


class WrongError(Exception):
    """What is wrong with a setting."""


async def check_all(settings: Settings) -> int:
    """Print a line for each; 1 when anything is wrong."""
    wrong = 0
    for name, check in CHECKS.items():
        try:
            typer.echo(f"ok     {name:<16} {await check(settings)}")
        except WrongError as error:
            wrong += 1
            typer.echo(f"WRONG  {name:<16} {error}")
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
        raise WrongError(f"cannot be reached ({type(error.__cause__ or error).__name__}): DATABASE_URL") from None
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


async def _discord(settings: Settings) -> str:
    if settings.discord_token is None:
        return "off"
    headers = {"Authorization": f"Bot {settings.discord_token.get_secret_value()}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as session,
            session.get(f"{settings.discord_api_url}/users/@me", headers=headers) as answer,
        ):
            if answer.status == 401:  # noqa: PLR2004 - HTTP
                raise WrongError("the token is refused: make a new one in Discord's developer portal")
            if answer.status != 200:  # noqa: PLR2004 - HTTP
                raise WrongError(f"Discord answers {answer.status}")
            return f"on, as {(await answer.json())['username']}"
    except (aiohttp.ClientError, TimeoutError) as error:
        raise WrongError(f"cannot be reached ({type(error).__name__}): DISCORD_API_URL") from None


async def _nodes(settings: Settings) -> str:
    try:
        builtin, addresses = parse_nodes(settings.lavalink_nodes.get_secret_value())
    except NodeSettingError as error:
        raise WrongError(str(error)) from None
    versions = ["builtin"] * builtin + [await _version(address) for address in addresses]
    return ", ".join(versions)


async def _version(node: NodeAddress) -> str:
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as session,
            session.get(f"{node.uri}/version", headers={"Authorization": node.password}) as answer,
        ):
            if answer.status in {401, 403}:
                raise WrongError(f"{node.name}: the password is refused")
            return f"{node.name} {(await answer.text()).strip()}"
    except (aiohttp.ClientError, TimeoutError) as error:
        raise WrongError(f"{node.name}: cannot be reached ({type(error).__name__})") from None


async def _address(settings: Settings) -> str:
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise WrongError(f"{settings.host}:{settings.port}: {error.strerror} (running already?)") from None
    return f"{settings.host}:{settings.port}, seen as {settings.public_url}"


async def _library(settings: Settings) -> str:
    for path in settings.library_paths:
        if not await asyncio.to_thread(os.access, path, os.R_OK | os.X_OK):
            raise WrongError(f"{path} cannot be read")
    return ", ".join(map(str, settings.library_paths)) or "none: the demo tracks"


async def _media(settings: Settings) -> str:
    builtin, addresses = parse_nodes(settings.lavalink_nodes.get_secret_value())
    far = [node.name for node in addresses if urlsplit(node.uri).hostname not in {"127.0.0.1", "localhost", "::1"}]
    if far and urlsplit(settings.media_url).hostname in {"127.0.0.1", "localhost"}:
        raise WrongError(f"{settings.media_url} is not reachable for {', '.join(far)}: set MEDIA_URL")
    if not builtin:
        return f"{settings.media_url}; without the built-in node web streams need another with the chorus extension"
    return settings.media_url


CHECKS: dict[str, Check] = {
    "DATA_DIR": _data_dir,
    "DATABASE_URL": _database,
    "REDIS_URL": _redis,
    "HOST, PORT": _address,
    "LIBRARY_PATHS": _library,
    "LAVALINK_NODES": _nodes,
    "MEDIA_URL": _media,
    "DISCORD_TOKEN": _discord,
}
