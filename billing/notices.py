"""Sends what waits in the outbox, each letter once, whatever breaks in between.

A letter is claimed, its try is on record, and only then it leaves. What a crash between leaving and the mark does
depends on the channel: one that recognises a repeat gets it again (Discord by a nonce, for two minutes; a job by its
key, for ever); on the others (Telegram, e-mail) it counts as `unsure` and is never repeated, so that a crash in that
moment may cost a message there, but never doubles one. The page keeps every notice until it was read.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping

import structlog

from core.errors import StoreUnavailableError
from core.ports.clock import Clock
from core.ports.notices import Messenger, NotSentError, Outbox, UndeliverableError
from core.records.notices import Channel, Letter, LetterState
from core.tracing import span

PAUSE = 1.0
"""Seconds between two looks, unless somebody wakes it."""
PATIENCE = 45.0
"""Seconds that one letter may take; less than a claim lasts."""
FAREWELL = 5.0
"""Seconds that letters on their way get at the end."""
ATTEMPTS = {Channel.JOB: 30}
"""Tries until it is given up, over about a day."""
FEWER = 10
"""The same for what people are told, over some hours: after that it is no news."""
FIRST, LONGEST = 30.0, 3600.0
"""Seconds until another try, doubled each time; half of it is chance."""
DOUBTFUL = 5.0
"""The first pause when a try may have arrived: the channel recognises a repeat not for long."""

log = structlog.get_logger()


class Courier:
    """One loop over all channels; a channel that hangs holds up no other. Channels without a messenger are off."""

    def __init__(self, outbox: Outbox, messengers: Mapping[Channel, Messenger], clock: Clock) -> None:
        self._outbox = outbox
        self._messengers = messengers
        self._clock = clock
        self._woken = asyncio.Event()
        self._rounds: dict[Channel, asyncio.Task[None]] = {}
        self._ending = False

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    async def run(self) -> None:
        """Send what is due, until cancelled; what is on its way then may still arrive."""
        try:
            while True:
                await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            await self._stop()

    async def _look(self) -> None:
        try:
            waiting = await self._outbox.waiting()
        except StoreUnavailableError as error:
            log.warning("outbox not read", error=type(error).__name__)
            return
        for channel in waiting:
            messenger = self._messengers.get(channel)
            if (channel not in self._rounds or self._rounds[channel].done()) and (not messenger or messenger.ready):
                self._rounds[channel] = asyncio.create_task(self.drain(channel), name=f"outbox-{channel}")

    async def drain(self, channel: Channel) -> None:
        """Send everything of one channel that is due."""
        messenger = self._messengers.get(channel)
        repeatable = messenger.repeatable if messenger else None
        try:
            while not self._ending and (letter := await self._outbox.claim(channel, repeatable=repeatable)):
                with span("effect", key=letter.key, channel=channel.value):
                    await self._deliver(letter, messenger)
        except StoreUnavailableError as error:
            log.warning("outbox not kept", channel=channel, error=type(error).__name__)
        except Exception:  # what cannot be read is no reason to send nothing else
            log.exception("outbox failed", channel=channel)

    async def _deliver(self, letter: Letter, messenger: Messenger | None) -> None:
        told = log.bind(key=letter.key, channel=letter.channel.value, attempt=letter.attempts)
        if messenger is None or letter.muted or (letter.address is None and letter.channel is not Channel.JOB):
            await self._outbox.settle(letter, LetterState.SKIPPED)
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await messenger.send(letter)
        except NotSentError as error:
            told.warning("letter not sent", reason=str(error))
            await self._again(letter, str(error), error.retry_after or _pause(letter.attempts, FIRST), sure=True)
        except UndeliverableError as error:
            told.warning("letter refused", reason=str(error))
            state = LetterState.DEAD if letter.channel is Channel.JOB else LetterState.REFUSED
            await self._outbox.settle(letter, state, error=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody knows whether it arrived
            told.warning("letter in doubt", error=repr(error))
            await self._doubt(letter, type(error).__name__, messenger.repeatable)
        else:
            await self._outbox.settle(letter, LetterState.SENT)

    async def _doubt(self, letter: Letter, reason: str, repeatable: int | None) -> None:
        if repeatable == 0:
            await self._outbox.settle(letter, LetterState.UNSURE, error=reason)
        else:
            first = FIRST if repeatable is None else DOUBTFUL
            await self._again(letter, reason, _pause(letter.attempts, first), sure=False)

    async def _again(self, letter: Letter, reason: str, pause: float, *, sure: bool) -> None:
        if letter.attempts >= ATTEMPTS.get(letter.channel, FEWER):
            log.error("letter given up", key=letter.key, channel=letter.channel.value, reason=reason)
            await self._outbox.settle(letter, LetterState.DEAD, error=reason)
            return
        due = self._clock.now() + round(pause * 1000)
        await self._outbox.settle(letter, LetterState.WAITING, due=due, sure=sure, error=reason)

    async def _stop(self) -> None:
        self._ending = True
        rounds = [it for it in self._rounds.values() if not it.done()]
        if rounds:
            _, late = await asyncio.wait(rounds, timeout=FAREWELL)
            for task in late:
                task.cancel()
            await asyncio.gather(*rounds, return_exceptions=True)


def _pause(attempts: int, first: float) -> float:
    """Seconds until the next try."""
    return min(LONGEST, first * 2 ** (attempts - 1)) * random.uniform(0.5, 1)  # noqa: S311 - no secret


Handler = Callable[[Letter], Awaitable[None]]


class Jobs:
    """The channel of jobs: each goes to the handler of its name, with `key` as its idempotency key.

    A handler that raises is called again later; with UndeliverableError, never.
    """

    ready = True
    repeatable = None

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def register(self, name: str, handler: Handler) -> None:
        """Jobs called `name` are done by `handler` from now on."""
        self._handlers[name] = handler

    async def send(self, letter: Letter) -> None:
        """Do a job."""
        handler = self._handlers.get(letter.kind)
        if handler is None:
            raise NotSentError(f"nobody does {letter.kind}")
        await handler(letter)
