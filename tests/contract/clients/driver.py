"""Runs a foreign client as a child process: each line of its input is an order, each line of its output an answer.

The first order is the settings. Input that ends ends the child.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Protocol

import discord
import yarl
from discord.ext import commands

Json = dict[str, Any]


class Client(Protocol):
    """One client library; `events` are the tracks' events so far, as words.

    Besides the methods here it has those that the test orders: load, join, play, filter, and so on.
    """

    events: list[str]

    async def connect(self, node: Json, session: str | None) -> Json:
        """Connects to the node, with a session to resume or a new one; says which it is now."""
        ...


async def drive(client: type[Client]) -> None:
    """Carries out orders until there are no more."""
    orders = await _standard_input()
    settings = json.loads(await orders.readline())
    bot = await _start_bot(settings)
    driven = client(bot)
    _say(await driven.connect(settings["node"], settings["session"]))
    while line := await orders.readline():
        order = json.loads(line)
        try:
            _say(await getattr(driven, order["do"])(*order["with"]))
        except Exception as error:  # noqa: BLE001 - the test judges it
            _say({"failed": type(error).__name__, "message": str(error)})


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _start_bot(settings: Json) -> commands.Bot:
    discord.http.Route.BASE = settings["api"]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings["gateway"])
    intents = discord.Intents(guilds=True, voice_states=True)
    bot = commands.Bot(commands.when_mentioned, intents=intents, guild_ready_timeout=0.05)
    await bot.login(settings["token"])
    bot.connection = asyncio.create_task(bot.connect())  # kept from the collector
    await bot.wait_until_ready()
    return bot


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
