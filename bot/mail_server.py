"""The address of a mail server."""

from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from urllib.parse import parse_qs, unquote, urlsplit

SCHEMES = {"smtp": 587, "smtps": 465}


class MailUrlError(ValueError):
    """The address of the mail server is none; the message says what it has to look like."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in. `tls`: from the first byte on; else STARTTLS, unless the server is this machine."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    sender: str

    @property
    def local(self) -> bool:
        """Whether it is reached without a network."""
        return self.host in {"localhost", "127.0.0.1", "::1"}


def server_of(url: str) -> Server:
    """`smtp[s]://[user:password@]host[:port][?from=address]`. Raises MailUrlError."""
    try:
        parts = urlsplit(url)
        port = parts.port or SCHEMES[parts.scheme]
    except (ValueError, KeyError) as error:
        raise MailUrlError("must be smtp://user:password@host:port?from=address, or smtps://…") from error
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    host = parts.hostname or ""
    sender = parse_qs(parts.query).get("from", [user if user and "@" in user else f"chorus@{host}"])[0]
    if not host or not is_address(sender):
        raise MailUrlError("must name a host, and a sender as ?from=address")
    return Server(host, port, parts.scheme == "smtps", user, password, sender)


def is_address(text: str) -> bool:
    """Whether mail may go to it."""
    try:
        address = Address(addr_spec=text)
    except (ValueError, HeaderParseError, IndexError):
        return False
    return bool(address.username and address.domain) and text.isascii() and text.isprintable()
