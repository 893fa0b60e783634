"""Sessions without a network: order, what waits, who may resume."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from lavalink.protocol import ApiError
from lavalink.sessions import Sessions
from tests.waiting import until

EVENT = {"op": "event", "type": "TrackEndEvent"}
UPDATE = {"op": "playerUpdate"}


class Socket:
    """A client's websocket: what it got; `gone` makes it fail."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.closed: int | None = None

    async def send_json(self, message: dict[str, Any]) -> None:
        if self.gone.is_set():
            raise ConnectionResetError
        self.got.append(message)

    def __aiter__(self) -> Socket:
        return self

    async def __anext__(self) -> None:
        await self.gone.wait()
        raise StopAsyncIteration

    async def close(self, *, code: int) -> None:
        self.closed = code
        self.gone.set()


async def serve(sessions: Sessions, socket: Socket, session_id: str | None = None) -> tuple[Any, asyncio.Task[None]]:
    """As the server does it."""
    session = sessions.resume(cast("Any", socket), session_id) or sessions.open(cast("Any", socket), 1)

    async def run() -> None:
        await session.serve(cast("Any", socket), lambda: {"players": 0})
        await sessions.release(session, cast("Any", socket))

    task = asyncio.create_task(run())
    await until(lambda: [m["op"] for m in socket.got][-1:] == ["stats"])
    return session, task


async def test_ready_comes_first_and_the_order_is_kept() -> None:
    sessions, socket = Sessions(), Socket()
    session, task = await serve(sessions, socket)
    for n in range(100):
        session.emit({**EVENT, "n": n})
    await until(lambda: len(socket.got) == 102)
    assert socket.got[0] == {"op": "ready", "resumed": False, "sessionId": session.id}
    assert [m["n"] for m in socket.got[2:]] == list(range(100))
    socket.gone.set()
    await task
    with pytest.raises(ApiError, match="Session not found"):
        sessions.get(session.id)


async def test_events_wait_for_a_resume_and_updates_do_not() -> None:
    sessions, first, second = Sessions(), Socket(), Socket()
    session, task = await serve(sessions, first)
    session.resuming = True
    first.gone.set()
    await task
    session.emit(EVENT)
    session.emit(UPDATE)
    with pytest.raises(ApiError):
        sessions.get(session.id)
    again, task = await serve(sessions, second, session.id)
    assert again is session
    assert [m["op"] for m in second.got] == ["ready", "event", "stats"]
    second.gone.set()
    await task
    await sessions.close()


async def test_a_message_that_could_not_be_sent_waits_too() -> None:
    sessions, first, second = Sessions(), Socket(), Socket()
    session, task = await serve(sessions, first)
    session.resuming = True
    first.gone.set()
    session.emit(EVENT)
    await task
    await serve(sessions, second, session.id)
    assert EVENT in second.got
    await sessions.close()


async def test_a_takeover_closes_the_old_connection_and_nothing_else() -> None:
    sessions, first, second = Sessions(), Socket(), Socket()
    session, task = await serve(sessions, first)
    session.resuming = True
    again, _ = await serve(sessions, second, session.id)
    await task
    assert first.closed == 1001
    assert again is session
    assert sessions.get(session.id) is session
    assert sessions.clients == 1
    await sessions.close()
    assert second.closed == 1001


async def test_a_session_that_does_not_resume_is_not_taken_over() -> None:
    sessions, first, second = Sessions(), Socket(), Socket()
    session, _ = await serve(sessions, first)
    other, _ = await serve(sessions, second, session.id)
    assert other is not session
    assert sessions.clients == 2
    await sessions.close()


async def test_a_session_expires() -> None:
    sessions, socket = Sessions(), Socket()
    session, task = await serve(sessions, socket)
    session.resuming, session.timeout = True, 0.05
    socket.gone.set()
    await task
    assert list(sessions) == [session]
    await until(lambda: not list(sessions))
    assert sessions.resume(cast("Any", Socket()), session.id) is None
