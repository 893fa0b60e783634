"""What checks of settings share: what is wrong, and asking a server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

PATIENCE = aiohttp.ClientTimeout(total=5)


class WrongError(Exception):
    """What is wrong with a setting."""


@asynccontextmanager
async def asked(url: str, headers: dict[str, str]) -> AsyncGenerator[aiohttp.ClientResponse]:
    """The answer of a server. Raises WrongError when there is none."""
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session, session.get(url, headers=headers) as answer:
            yield answer
    except (aiohttp.ClientError, TimeoutError) as error:
        server = urlsplit(url).netloc.rpartition("@")[2]
        raise WrongError(f"{server} cannot be reached ({type(error).__name__})") from None
