"""Whose address a request came from, through the proxies that may say so."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count (addresses or CIDRs)."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._networks = [ip_network(item, strict=False) for item in trusted]

    def client(self, request: web.Request) -> str:
        """The nearest address that is not a trusted proxy's."""
        address = request.remote or ""
        for hop in reversed(_hops(request)):
            if not self._trusts(address):
                break
            address = hop
        return address

    def secure(self, request: web.Request) -> bool:
        """Whether the person's side of the connection is https."""
        if self._trusts(request.remote or ""):
            return request.headers.get("X-Forwarded-Proto", request.scheme) == "https"
        return request.scheme == "https"

    def direct(self, request: web.Request) -> bool:
        """Whether the request came from this machine itself, not through a proxy that runs on it."""
        parsed = _parsed(self.client(request))
        return parsed is not None and parsed.is_loopback and (bool(self._networks) or not _hops(request))

    def _trusts(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def block(address: str) -> str:
    """What one subscriber holds: an IPv4 address, or the /64 of an IPv6 one."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed), 64), strict=False).network_address)
    return address


def _hops(request: web.Request) -> list[str]:
    return [hop.strip() for line in request.headers.getall("X-Forwarded-For", []) for hop in line.split(",")]


def _parsed(address: str) -> Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
