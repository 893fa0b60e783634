"""E-mail through one SMTP server: plain text, over TLS wherever the server has it."""

import contextlib
import email.policy
import hashlib
import ssl
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from bot.mail_server import Server, is_address
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
_POLICY = email.policy.SMTP.clone(max_line_length=None, cte_type="7bit")
"""Headers are not folded: a long address would be encoded as words are, which List-Unsubscribe may not be."""


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
        client = await _connect(self._server, self._trust)
        try:
            await client.sendmail(self._server.sender, [letter.address or ""], message.as_bytes(policy=_POLICY))
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

    def _message(self, letter: Letter) -> EmailMessage:
        address = letter.address or ""
        if not is_address(address):
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


async def greet(server: Server) -> None:
    """Come in, as one does to hand in mail, and go. Raises NotSentError."""
    client = await _connect(server)
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=1)
    client.close()


async def _connect(server: Server, trust: ssl.SSLContext | None = None) -> aiosmtplib.SMTP:
    """A server that takes mail; whatever goes wrong here, nothing was sent."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls,
        start_tls=False if server.tls else (None if server.local else True),
        tls_context=trust,
        timeout=PATIENCE,
    )
    try:
        await client.connect(timeout=GREETING)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise NotSentError(type(error).__name__) from error
    return client


def _refusal(error: aiosmtplib.SMTPResponseException) -> Exception:
    kind = UndeliverableError if error.code >= REFUSED else NotSentError
    return kind(f"SMTP {error.code}")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]
