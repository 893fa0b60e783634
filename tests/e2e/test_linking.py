"""An operator links people and places while the bot runs: it notices, and the page shows it."""

import sys
from asyncio import create_subprocess_exec, subprocess

import aiohttp
import pytest

from tests.e2e.product import ROOT, Product
from tests.e2e.world import Stage
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.heard]


async def operator(product: Product, *words: str) -> str:
    """What `python -m bot …` says beside the running one."""
    env = {"DATA_DIR": str(product.data), "PATH": "/usr/bin:/bin"}
    child = await create_subprocess_exec(
        sys.executable, "-m", "bot", *words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return (await child.communicate())[0].decode()


async def test_two_accounts_in_voice_become_one_listener(stage: Stage) -> None:
    world = await stage.guild("Linked", "Ann", "Ann’s phone", "Ben")
    ann, phone, _ = world.people
    await world.play(ann, "Long")
    await world.play(phone, "High E")
    await world.told(ann, "now", "3 listening")
    said = await operator(stage.chorus, "link-person", f"discord:{ann.id}", f"discord:{phone.id}")
    assert "are one person now" in said
    await world.told(ann, "now", "2 listening")
    assert "You asked for this one" in await world.said(ann, "vote", track="High E")
    await operator(stage.chorus, "unlink-person", f"discord:{phone.id}")
    await world.told(ann, "now", "3 listening")


async def test_the_lobby_leads_to_the_guilds_room(stage: Stage) -> None:
    world = await stage.guild("Host")
    await world.start_long(world.people[0])
    said = await operator(stage.chorus, "link-place", "web:lobby", f"discord:{world.guild.id}")
    assert said == "Lobby shares the room of Host now.\n"
    await until(lambda: shows(stage.chorus, "Long"), what="the guild's track on the Lobby's page")
    await operator(stage.chorus, "unlink-place", "web:lobby")
    await until(lambda: shows(stage.chorus, "Lobby"), what="the Lobby's own page")
    assert "Long" in await world.said(world.people[0], "now")


async def shows(product: Product, words: str) -> bool:
    """Whether the Lobby's page says that."""
    async with aiohttp.ClientSession() as session, session.get(f"{product.url}/r/lobby") as answer:
        return words in await answer.text()
