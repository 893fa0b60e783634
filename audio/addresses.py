"""Which network addresses music may come from: public ones, and those that the operator exempts."""

import ipaddress
from collections.abc import Iterable

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Allowed:
    """Hosts and networks that are exempt (MEDIA_ALLOW), given as names, addresses or CIDRs."""

    def __init__(self, items: Iterable[str]) -> None:
        self._hosts: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for item in items:
            try:
                self._networks.append(ipaddress.ip_network(item, strict=False))
            except ValueError:
                self._hosts.add(item.casefold())

    def host(self, name: str) -> bool:
        """Whether a name is exempt, wherever it leads."""
        return name.casefold() in self._hosts

    def address(self, address: str) -> bool:
        """Whether an address may be connected to: it is public, or exempt."""
        ip = ipaddress.ip_address(address)
        if any(ip in network for network in self._networks):
            return True
        return all(_public(inner) for inner in (ip, *_embedded(ip)))


def _public(ip: IPAddress) -> bool:
    reserved = ip.is_reserved and ip not in _NAT64
    return ip.is_global and not (reserved or ip.is_multicast or ip.is_unspecified or ip.is_loopback)


def _embedded(ip: IPAddress) -> list[ipaddress.IPv4Address]:
    """IPv4 addresses that a router or the system would reach through an IPv6 one."""
    if ip.version == 4:  # noqa: PLR2004
        return []
    inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in inner if one is not None]
