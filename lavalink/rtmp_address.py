"""Where a push goes: `rtmp[s]://host[:port]/app/key`."""

import ipaddress
import re
from typing import NamedTuple, Self
from urllib.parse import urlsplit

PORTS = {"rtmp": 1935, "rtmps": 443}
LONGEST = 2048
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f]")


class RtmpAddress(NamedTuple):
    """The parts of an address. `app` is everything before the last slash of the path, `key` what is behind it."""

    secure: bool
    host: str
    port: int
    app: str
    key: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises ValueError, which never quotes the address: it holds the key."""
        if len(url) > LONGEST or _UNFIT.search(url):
            raise ValueError("not an address")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("not an address") from None
        if parts.scheme not in PORTS:
            raise ValueError("only rtmp and rtmps")
        path, question, query = url.partition("://")[2].partition("/")[2].partition("?")
        app, _, key = path.strip("/").rpartition("/")
        if not host or not app or not key or parts.username is not None or parts.fragment:
            raise ValueError("must be rtmp[s]://host/app/key")
        return cls(parts.scheme == "rtmps", host, port or PORTS[parts.scheme], app, key + question + query)

    @property
    def public(self) -> str:
        """The address without its key, as RTMP's `tcUrl`."""
        scheme = "rtmps" if self.secure else "rtmp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.app}"


def checked(url: str) -> str:
    """The address, if it is one. Raises ValueError."""
    RtmpAddress.parse(url)
    return url


def checked_ip(address: str) -> str:
    """The IP address, if it is one. Raises ValueError."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise ValueError("must be an IP address") from None
