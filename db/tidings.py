"""Entitlements told by Redis: the other processes read them there, at once and without the database.

What stands there is signed, and counts only if it is of the version that was told: neither something older, nor what
another installation or another database left behind, is taken for what a place has.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest, new
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.records.grants import Entitlement
from db.redis_connection import persist, stay_cancelled

KEPT = 300
"""Seconds that Redis remembers an entitlement."""
WAITING = 10_000
"""How many wait for a Redis that is away before the oldest are dropped."""
BLOCK = 2.0
"""Seconds that a question for messages waits."""
_PUT = """
local kept = redis.call('GET', KEYS[1])
if kept and tonumber(string.match(kept, '^%d+') or 0) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return redis.call('PUBLISH', KEYS[2], ARGV[4])
"""
"""Nothing newer is replaced, so that whoever is late changes nothing."""

_entitlement: TypeAdapter[Entitlement] = TypeAdapter(Entitlement)


class RedisTidings:
    """`core.ports.grants.Tidings`; `key` signs. Redis may lose everything: the store is looked at all the same."""

    def __init__(self, url: str, key: bytes) -> None:
        self._url = url
        self._key = key
        self._name = f"chorus:plans:{_signature(key, 'name')[:16]}"
        self._waiting: deque[Entitlement] = deque(maxlen=WAITING)
        self._more = asyncio.Event()

    def tell(self, news: Sequence[Entitlement]) -> None:
        """These were committed (see the port)."""
        self._waiting.extend(news)
        self._more.set()

    async def follow(self, heard: Callable[[Sequence[Entitlement]], None]) -> None:
        """Tell and hear, until cancelled (see the port)."""

        async def listen(redis: Any) -> None:
            async with redis.pubsub() as channel:
                await channel.subscribe(self._name)
                heard(())  # what was told before is in the store
                while True:
                    stay_cancelled()
                    told = await channel.get_message(ignore_subscribe_messages=True, timeout=BLOCK)
                    if told is not None:
                        heard(await self._read(redis, told["data"]))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(persist(self._url, self._send))
            tasks.create_task(persist(self._url, listen))

    async def _send(self, redis: Any) -> None:
        while True:
            self._more.clear()
            while self._waiting:
                await self._put(redis, self._waiting.popleft())
            stay_cancelled()
            await self._more.wait()

    async def _put(self, redis: Any, one: Entitlement) -> None:
        text = _entitlement.dump_json(one).decode()
        value = f"{one.version} {_signature(self._key, text)} {text}"
        told = f"{one.version} {one.place}"
        await redis.eval(_PUT, 2, self._at(one.place), self._name, one.version, value, KEPT, told)

    async def _read(self, redis: Any, told: str) -> Sequence[Entitlement]:
        """What was told, if it is still there and nothing else; else nothing."""
        version, _, place = told.partition(" ")
        _, signature, text = [*(await redis.get(self._at(place)) or "").split(" ", 2), "", "", ""][:3]
        if not compare_digest(signature.encode(), _signature(self._key, text).encode()):
            return ()
        try:
            one = _entitlement.validate_json(text)
        except ValidationError:  # another version of the program wrote it
            return ()
        return (one,) if (str(one.version), one.place) == (version, place) else ()

    def _at(self, place: str) -> str:
        return f"{self._name}:{place}"


def _signature(key: bytes, text: str) -> str:
    return new(key, text.encode(), sha256).hexdigest()
