"""Private messages about plans on Discord."""

import base64
import hashlib
from collections.abc import Callable

import aiohttp
import discord

from cogs.notices import Style, choices, told
from cogs.text import safe
from core.ports.notices import NotSentError, UndeliverableError
from core.records.notices import Letter
from core.types import PersonId

REPEATABLE = 120_000
"""ms for which Discord surely knows a nonce: it promises "the past few minutes" (resources/message.md)."""
NO_SUCH_RECIPIENT = 50033
PASSING = {401, 429}
"""Refusals of us, not of the message: a token that is being changed; too much from this address."""
_STYLE = Style(safe, lambda at, _language: f"<t:{at // 1000}:D>")


class DirectMessages:
    """`core.ports.notices.Messenger`. `client` is the connected one; `link` leads to where a person chooses what they
    are told. A message that is sent again within two minutes is the same one: its nonce is enforced.
    """

    repeatable = REPEATABLE

    def __init__(self, client: Callable[[], discord.Client | None], link: Callable[[PersonId], str | None]) -> None:
        self._client = client
        self._link = link

    @property
    def ready(self) -> bool:
        """Whether Discord is connected."""
        return self._client() is not None

    async def send(self, letter: Letter) -> None:
        """Write to a person (see the port)."""
        client = self._client()
        if client is None:
            raise NotSentError("not connected")
        channel = await _open(client, int(letter.address or 0))
        try:
            await channel.send(
                self._text(letter),
                nonce=_nonce(letter.key),
                suppress_embeds=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except discord.RateLimited as error:
            raise NotSentError("rate limit", error.retry_after) from error
        except discord.DiscordServerError:
            raise  # who knows
        except discord.HTTPException as error:
            kind = NotSentError if error.status in PASSING else UndeliverableError
            raise kind(f"{error.status} {error.code}") from error
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(type(error).__name__) from error

    def _text(self, letter: Letter) -> str:
        text = told(letter, _STYLE)
        link = self._link(letter.person) if letter.person else None
        return "\n".join([text, f"-# {choices(f'<{link}>', letter.language)}"]) if link else text


async def _open(client: discord.Client, user: int) -> discord.DMChannel:
    """The private channel; whatever goes wrong here, nothing was sent."""
    try:
        return await client.create_dm(discord.Object(user))
    except discord.HTTPException as error:
        if error.code == NO_SUCH_RECIPIENT or isinstance(error, discord.NotFound | discord.Forbidden):
            raise UndeliverableError(f"{error.status} {error.code}") from error
        raise NotSentError(f"{error.status} {error.code}") from error
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise NotSentError(type(error).__name__) from error


def _nonce(key: str) -> str:
    """At most 25 characters, the same for the same effect."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:25]
