"""The only way out to addresses that people give: public hosts alone, checked at every connection.

A name is resolved once per connection, every address of it is checked, and the connection goes to what was checked,
so a name that resolves differently later changes nothing. Redirects are followed by hand and checked like the first.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncGenerator, Iterable, Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from audio.addresses import Allowed
from audio.icy_wire import IcyConnector
from core.errors import UnplayableError

REDIRECTS = 10
"""Podcasts are counted by half a dozen others before their own server is reached."""
LONGEST_ADDRESS = 4_096
ANSWER = 15.0
"""Seconds until an answer has begun, redirects included: headers may drip, too."""
PORTS = frozenset({80, 443})
"""Below 1024 only these; above, all but SERVICES."""
SERVICES = frozenset(
    {1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5984}
    | {6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9200, 10080, 10250, 11211, 27017}
)
"""Ports of databases and chat, which do not serve music."""

_MOVED = frozenset({301, 302, 303, 307, 308})
_HTML = ("text/html", "application/xhtml+xml")
_LAST_PRIVILEGED = 1023
_NO_SUCH_PART = 416


class CheckedResolver(AbstractResolver):
    """Resolves names and refuses those of which any address is not allowed."""

    def __init__(self, inner: AbstractResolver, allowed: Allowed) -> None:
        self._inner = inner
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises UnplayableError, OSError."""
        found = await self._inner.resolve(host, port, family)
        exempt = self._allowed.host(host)
        if not exempt and not all(self._allowed.address(result["host"]) for result in found):
            raise UnplayableError("private_address")
        return found

    async def close(self) -> None:
        """Close the resolver beneath."""
        await self._inner.close()


class Guard:
    """Opens http(s) addresses that may be opened. One per process; call `close` at the end.

    `stall` is how many seconds a body may stay silent. `resolver` stands in for the system's in tests.
    """

    def __init__(
        self, allow: Iterable[str] = (), *, resolver: AbstractResolver | None = None, stall: float = 10.0
    ) -> None:
        self._allowed = Allowed(allow)
        self._resolver = resolver
        self._stall = stall
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all connections."""
        if self._session:
            await self._session.close()

    def check(self, address: str | URL) -> URL:
        """The address if it looks right: http(s), a port for music, no credentials, no private IP address.

        Raises:
            UnplayableError: `bad_link` or `private_address`.
        """
        url = _parse(address)
        try:
            literal = str(ipaddress.ip_address((url.host or "").partition("%")[0]))
        except ValueError:
            return url
        if not self._allowed.host(literal) and not self._allowed.address(literal):
            raise UnplayableError("private_address")
        return url

    @contextlib.asynccontextmanager
    async def open(
        self, address: str | URL, *, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """GET an address; the answer is 416, or 200 or 206 and no web page. Errors while reading it are told alike.

        Raises:
            UnplayableError: with any of its reasons except `corrupt`.
        """
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(ANSWER):
                    response = await self._follow(stack, self.check(address), headers or {})
                yield response
        except TimeoutError:
            raise UnplayableError("timeout") from None
        except aiohttp.InvalidURL:
            raise UnplayableError("bad_link") from None
        except (aiohttp.ClientError, OSError):
            raise UnplayableError("unreachable") from None

    async def _follow(
        self, stack: contextlib.AsyncExitStack, url: URL, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        for _ in range(REDIRECTS + 1):
            response = await self._http().get(url, headers=headers, allow_redirects=False)
            if response.status not in _MOVED or "Location" not in response.headers:
                stack.callback(response.close)
                return _checked(response)
            response.close()
            url = self.check(url.join(_parse_location(response.headers["Location"])))
        raise UnplayableError("unreachable")

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = CheckedResolver(self._resolver or aiohttp.ThreadedResolver(), self._allowed)
            self._session = aiohttp.ClientSession(
                connector=IcyConnector(resolver=resolver, use_dns_cache=False, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=10, sock_connect=5, sock_read=self._stall),
                headers={"User-Agent": "Chorus", "Accept": "*/*", "Accept-Encoding": "identity"},
            )
        return self._session


def _parse(address: str | URL) -> URL:
    try:
        url = URL(address)
        port = url.port
    except ValueError:
        raise UnplayableError("bad_link") from None
    if url.scheme not in {"http", "https"} or not url.host or len(str(url)) > LONGEST_ADDRESS:
        raise UnplayableError("bad_link")
    if url.user is not None or url.password is not None:
        raise UnplayableError("bad_link")
    if port is None or port in SERVICES or (port <= _LAST_PRIVILEGED and port not in PORTS):
        raise UnplayableError("bad_link")
    return url


def _parse_location(location: str) -> URL:
    try:
        return URL(location)
    except ValueError:
        raise UnplayableError("bad_link") from None


def _checked(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    """The response if it may be music, by its status and type."""
    if response.status in {404, 410}:
        raise UnplayableError("not_found")
    if response.status == _NO_SUCH_PART:  # whatever its page looks like
        return response
    if response.status not in {200, 206}:
        raise UnplayableError("unreachable")
    if response.content_type in _HTML:
        raise UnplayableError("not_audio")
    return response
