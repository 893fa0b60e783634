"""Which RTMP servers may be pushed to: public ones alone, resolved once, so that what was checked is connected to."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from audio.guard import SERVICES, Allowed, CheckedResolver
from core.errors import UnplayableError

PORTS = {"rtmp": 1935, "rtmps": 443}
_LOWEST = 1024
_BELOW = frozenset({80, 443})
PATIENCE = 5.0


class PushGuard:
    """`allow` are hosts and networks that are exempt (MEDIA_ALLOW); `resolver` stands in for the system's in tests."""

    def __init__(self, allow: Iterable[str] = (), *, resolver: AbstractResolver | None = None) -> None:
        self._allowed = Allowed(allow)
        self._resolver = resolver

    async def addresses(self, url: str) -> list[str]:
        """The IP addresses that may be pushed to, in the same order whenever they are the same: never none.

        Raises UnplayableError: `bad_link`, `private_address`, `unreachable`, `timeout`.
        """
        host, port = _parts(url)
        resolver = CheckedResolver(self._resolver or aiohttp.ThreadedResolver(), self._allowed)
        try:
            async with asyncio.timeout(PATIENCE):
                found = await resolver.resolve(host, port, socket.AF_UNSPEC)
        except TimeoutError:
            raise UnplayableError("timeout") from None
        except (OSError, UnicodeError):
            raise UnplayableError("unreachable") from None
        addresses = sorted({ipaddress.ip_address(it["host"].partition("%")[0]) for it in found}, key=_preference)
        if not addresses:
            raise UnplayableError("unreachable")
        return [str(address) for address in addresses]


def _preference(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[int, int]:
    """Nodes reach IPv4 everywhere."""
    return address.version, int(address)


def _parts(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnplayableError("bad_link") from None
    if parts.scheme not in PORTS or not host or parts.username is not None:
        raise UnplayableError("bad_link")
    port = port or PORTS[parts.scheme]
    if port in SERVICES or (port < _LOWEST and port not in _BELOW):
        raise UnplayableError("bad_link")
    return host, port
