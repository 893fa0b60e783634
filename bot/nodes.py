"""Commands about nodes; the bot may run meanwhile and notices within a second."""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import typer

from audio.node import NodeAddress
from audio.nodes import BUILTIN, NodeSettingError, parse_nodes
from bot.config import Settings
from bot.maintenance import reached
from db.migrate import migrate
from db.node_drains import SqlNodeDrains

PATIENCE = aiohttp.ClientTimeout(total=3)


async def list_nodes(settings: Settings) -> None:
    """One line a node: its name, whether it is drained, and how busy it is."""
    addresses = _addresses(settings)
    async with reached(settings) as database:
        await migrate(database)
        drained = await SqlNodeDrains(database).all()
    states = await asyncio.gather(*map(_state, addresses))
    for address, state in zip(addresses, states, strict=True):
        regions = f" for {', '.join(address.regions)}" if address.regions else ""
        typer.echo(f"{address.name}: {'drained, ' if address.name in drained else ''}{state}{regions}")


async def drain(settings: Settings, name: str) -> None:
    """Rooms leave a node, and none come to it."""
    names = [address.name for address in _addresses(settings)]
    if name not in names:
        sys.exit(f"There is no node {name!r}, but {', '.join(names) or 'none at all'}.")
    async with reached(settings) as database:
        await migrate(database)
        news = await SqlNodeDrains(database).put(name)
    typer.echo(f"{name} is drained: its rooms move to other nodes now." if news else f"{name} is drained already.")


async def undrain(settings: Settings, name: str) -> None:
    """Rooms may come to a node again."""
    async with reached(settings) as database:
        await migrate(database)
        news = await SqlNodeDrains(database).remove(name)
    typer.echo(f"Rooms may come to {name} again." if news else f"{name} is not drained.")


def _addresses(settings: Settings) -> list[NodeAddress]:
    try:
        builtin, addresses = parse_nodes(settings.lavalink_nodes.get_secret_value())
    except NodeSettingError as error:
        sys.exit(f"LAVALINK_NODES: {error}")
    return [*([_builtin(settings.data_dir / "node.json")] if builtin else []), *addresses]


def _builtin(file: Path) -> NodeAddress:
    try:
        info = json.loads(file.read_text("utf-8"))
        return NodeAddress(BUILTIN, f"http://127.0.0.1:{info['port']}", info["password"])
    except (OSError, ValueError, KeyError):
        return NodeAddress(BUILTIN, "", "")


async def _state(node: NodeAddress) -> str:
    """In words, asked of the node itself."""
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE, headers={"Authorization": node.password}) as session,
            session.get(f"{node.uri}/v4/stats") as answer,
        ):
            if answer.status in {401, 403}:
                return "the password is refused"
            stats = await answer.json()
            return f"up, {stats['playingPlayers']} of {stats['players']} players play"
    except (aiohttp.ClientError, ValueError, KeyError, TimeoutError):
        return "not reachable"
