"""E-mail through one SMTP server: plain text, over TLS wherever the server has it."""

import contextlib
import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from cogs.notices import PLAIN, choices, subject, told
from core.ports.clock import Clock
from core.ports.notices import NotSentError, UndeliverableError
from core.records.notices import Letter
from core.types import PersonId

PATIENCE = 15.0
"""Seconds that one answer of the server may take."""
GREETING = 10.0
REFUSED = 500
"""Answers from there on are for good (RFC 5321, 4.2.1)."""
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
    if not host or not _is_address(sender):
        raise MailUrlError("must name a host, and a sender as ?from=address")
    return Server(host, port, parts.scheme == "smtps", user, password, sender)


class Mail:
    """`core.ports.notices.Messenger`. A connection for each letter.

    SMTP knows no repeats, so what may have been taken is never sent again; the Message-ID is made of the effect's key.
    `link` leads to where a person chooses what they are told; `off` is the address that mail programs post to.
    """

    repeatable = 0
    ready = True

    def __init__(
        self,
        server: Server,
        clock: Clock,
        link: Callable[[PersonId], str | None],
        off: Callable[[Letter], str | None],
        *,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._server, self._clock, self._link, self._off, self._trust = server, clock, link, off, trust

    async def send(self, letter: Letter) -> None:
        """Hand a letter in (see the port)."""
        message = self._message(letter)
        client = await self._connect()
        try:
            await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refusal(error.recipients[0]) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPHeloError) as error:
            raise NotSentError(f"SMTP {error.code}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error) from error
        finally:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=1)
            client.close()

    async def _connect(self) -> aiosmtplib.SMTP:
        """A server that takes mail; whatever goes wrong here, nothing was sent."""
        it = self._server
        client = aiosmtplib.SMTP(
            hostname=it.host,
            port=it.port,
            username=it.user,
            password=it.password,
            use_tls=it.tls,
            start_tls=False if it.tls else (None if it.local else True),
            tls_context=self._trust,
            timeout=PATIENCE,
        )
        try:
            await client.connect(timeout=GREETING)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            raise NotSentError(type(error).__name__) from error
        return client

    def _message(self, letter: Letter) -> EmailMessage:
        address = letter.address or ""
        if not _is_address(address):
            raise UndeliverableError("no e-mail address")
        link = self._link(letter.person) if letter.person else None
        off = self._off(letter)
        message = EmailMessage()
        message["From"] = Address("Chorus", addr_spec=self._server.sender)
        message["To"] = Address(addr_spec=address)
        message["Subject"] = subject(letter)
        message["Date"] = formatdate(self._clock.now() / 1000)
        message["Message-ID"] = f"<{_digest(letter.key)}@{self._server.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        if off is not None:  # RFC 8058
            message["List-Unsubscribe"] = f"<{off}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content("\n\n".join([told(letter, PLAIN), *([choices(link, letter.language)] if link else [])]))
        return message


def _refusal(error: aiosmtplib.SMTPResponseException) -> Exception:
    kind = UndeliverableError if error.code >= REFUSED else NotSentError
    return kind(f"SMTP {error.code}")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _is_address(text: str) -> bool:
    try:
        address = Address(addr_spec=text)
    except (ValueError, HeaderParseError, IndexError):
        return False
    return bool(address.username and address.domain) and text.isascii() and text.isprintable()
