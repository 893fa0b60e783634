"""A vote shown on 1,000 open pages: from its press, and from its answer (which follows the commit), to the last one."""

import asyncio
import re
import time
from typing import Any

import aiohttp

from bench.figures import judged, percentile, spread
from bench.listeners import Listeners
from bench.product import chorus, scratch, write_tones
from tests.waiting import until

PAGES = 1_000
VOTES = 15
PAUSE = 1.0


class Pages:
    """When each page was written to last."""

    def __init__(self) -> None:
        self.at = [0.0] * PAGES

    def heard(self, page: int, at: float, data: bytes) -> None:
        """Something came."""
        self.at[page] = at

    def told(self, since: float) -> int:
        """How many have heard something since then."""
        return sum(at > since for at in self.at)


class Visitor:
    """Somebody at the Lobby's page, with cookies."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def open(self) -> str:
        """The page."""
        async with self._session.get(f"{self._url}/r/lobby") as answer:
            text = await answer.text()
        found = re.search(r'name="csrf" value="([^"]+)"', text)
        assert found is not None
        self._csrf = found[1]
        return text

    async def post(self, action: str, **fields: str) -> float:
        """Press something; when that was answered."""
        headers = {"X-CSRF-Token": self._csrf, "HX-Request": "true"}
        async with self._session.post(f"{self._url}/r/lobby/{action}", data=fields, headers=headers) as answer:
            await answer.read()
            assert answer.status in {200, 204}, answer.status
            return time.monotonic()


def person() -> aiohttp.ClientSession:
    """Cookies of one's own, kept for an address too."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def run() -> dict[str, Any]:
    """All figures."""
    with scratch() as folder:
        async with (
            chorus(LIBRARY_PATHS=str(write_tones(folder / "music"))) as product,
            person() as one,
            person() as other,
        ):
            adder, voter = Visitor(one, product.url), Visitor(other, product.url)
            await adder.open()
            await queue_some(adder)
            entry = await _voted(voter)
            pages = Pages()
            with Listeners(
                product.port, "/r/lobby/events", PAGES, pages.heard, headers="Accept-Encoding: gzip\r\n"
            ) as listeners:
                await asyncio.to_thread(listeners.connect)
                await until(lambda: pages.told(0.0) == PAGES, within=20, what="all pages are open")
                await asyncio.sleep(2 * PAUSE)
                rounds = [await shown(voter, pages, entry, 1 if number % 2 else -1) for number in range(VOTES)]
                return judge(rounds, listeners.ended)


async def queue_some(visitor: Visitor) -> None:
    """Ten tracks wait."""
    for number in range(10):
        await visitor.post("add", q=("Tone", "Other", "Third")[number % 3])


async def _voted(visitor: Visitor) -> str:
    """An entry that the page offers to vote for."""
    found = re.search(r'data-of="(\d+)"', await visitor.open())
    assert found is not None, "nothing waits"
    return found[1]


async def shown(voter: Visitor, pages: Pages, entry: str, value: int) -> tuple[float, float, float]:
    """Vote; seconds until its answer, until the first page and until the last page were told."""
    begun = time.monotonic()
    answered = await voter.post("vote", entry=entry, value=str(value))
    await until(lambda: pages.told(begun) == PAGES, every=0.005, what="all pages are told")
    first, last = min(pages.at), max(pages.at)
    await asyncio.sleep(PAUSE)
    return answered - begun, first - begun, last - begun


def judge(rounds: list[tuple[float, float, float]], ended: int) -> dict[str, Any]:
    """The press's time holds the commit, so that it is an upper bound of what counts from there."""
    answers, firsts, lasts = ([one[which] for one in rounds] for which in range(3))
    return {
        "last_page_after_press_ms": judged(percentile(lasts, 0.5) * 1000, 50, times=spread(lasts)),
        "first_page_after_press": spread(firsts),
        "answer_after_press": spread(answers),
        "pages": PAGES,
        "cut_off": ended,
    }
