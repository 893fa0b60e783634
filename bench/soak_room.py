"""One room of a soak: random commands to its player, and what of the pauses in its sound nobody asked for."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.rig import Rig, Room
from tests.waiting import until

FILES = ("tone.wav", "tone.mp3", "tone.flac", "tone.opus")
LENGTH = 95
"""Seconds that each of them lasts."""
FILTERS: Sequence[dict[str, Any]] = (
    {},
    {"timescale": {"speed": 1.2}},
    {"timescale": {"pitch": 0.9}},
    {"lowPass": {"smoothing": 20.0}},
    {"rotation": {"rotationHz": 0.2}},
    {"tremolo": {"frequency": 4.0, "depth": 0.5}},
    {"karaoke": {}},
    {"equalizer": [{"band": 0, "gain": 0.25}, {"band": 1, "gain": 0.15}]},
    {"volume": 0.7},
)
COMMANDS = {"skip": 4, "seek": 4, "pause": 3, "volume": 4, "filters": 3, "next": 4, "rejoin": 1, "leave": 1}
"""How often each is chosen, beside the others."""
SETTLED = 1.5
"""Seconds after an answer in which the sound may still be on its way."""
FRAME = 0.02


@dataclass(frozen=True)
class Late:
    """A packet that came `by` seconds after it was due, at `at` (monotonic), to a room's guild."""

    at: float
    by: float
    room: int


@dataclass
class SoakRoom:
    """What is done to it, and what is heard. `quiet`: since when, and until when, it need not be heard."""

    rig: Rig
    room: Room
    dice: random.Random
    counts: dict[str, int]
    quiet: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    paused: bool = False
    last: float = 0.0
    packets: int = 0
    refused: list[str] = field(default_factory=list[str])
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def play(self) -> None:
        """A random track from its beginning, in the channel."""
        async with self.lock, self._interrupted():
            await self._play()

    async def command(self) -> None:
        """One of them, by chance."""
        name = self.dice.choices(list(COMMANDS), list(COMMANDS.values()))[0]
        self.counts[name] = self.counts.get(name, 0) + 1
        async with self.lock:
            await getattr(self, f"_{name}")()

    async def leave(self) -> None:
        """End the player."""
        async with self.lock:
            self.quiet.append((time.monotonic(), float("inf")))
            await self.rig.node.rest("DELETE", self.rig.node.player_path(self.room.guild.id))

    @property
    def due(self) -> bool:
        """Whether something ought to be heard just now."""
        return not self._is_quiet(time.monotonic(), time.monotonic())

    def listen(self, until: float) -> list[Late]:
        """Takes in the packets that came before `until`; those that came too late."""
        channel = self.room.channel
        taken = [packet for packet in channel.packets if packet.at <= until]
        del channel.packets[: len(taken)]
        channel.discarded.clear()
        if channel.bot_session is not None:
            channel.bot_session.nonces.clear()
        self.packets += len(taken)
        late: list[Late] = []
        for packet in taken:
            if self.last and packet.at - self.last > 3 * FRAME and not self._is_quiet(self.last, packet.at):
                late.append(Late(packet.at, packet.at - self.last - FRAME, self.room.guild.id))
            self.last = packet.at
        self.quiet = [span for span in self.quiet if span[1] > until - 5]
        return late

    def _is_quiet(self, start: float, end: float) -> bool:
        return self.paused or any(start < last and end > first for first, last in self.quiet)

    @asynccontextmanager
    async def _interrupted(self) -> AsyncGenerator[None]:
        """What is done here may be heard as a pause."""
        begun = time.monotonic() - 0.5
        self.quiet.append((begun, float("inf")))
        try:
            yield
        finally:
            self.quiet[-1] = (begun, time.monotonic() + SETTLED)

    async def _patch(self, *also: int, **body: Any) -> None:
        answer = await self.rig.node.patch(self.room.guild.id, body)
        if answer.status not in {200, *also}:
            self.refused.append(f"{answer.status} {sorted(body)} {answer.text[:200]}")

    async def _play(self) -> None:
        voice = {} if self.room.channel.bot_session else {"voice": self.rig.voice(self.room)}
        self.paused = False
        await self._patch(track={"identifier": self.rig.url(self.dice.choice(FILES))}, paused=False, **voice)

    async def _skip(self) -> None:
        async with self._interrupted():
            await self._play()

    async def _seek(self) -> None:
        async with self._interrupted():
            await self._patch(position=self.dice.randrange(0, (LENGTH - 5) * 1000))

    async def _pause(self) -> None:
        async with self._interrupted():
            self.paused = not self.paused
            await self._patch(paused=self.paused)

    async def _volume(self) -> None:
        await self._patch(volume=self.dice.choice((20, 60, 100, 100, 140)))

    async def _filters(self) -> None:
        await self._patch(filters=self.dice.choice(FILTERS))

    async def _next(self) -> None:
        """The track that follows, and soon it does."""
        crossfade = self.dice.choice((0, 0, 2000, 6000))
        following = {"identifier": self.rig.url(self.dice.choice(FILES)), "crossfadeMs": crossfade}
        async with self._interrupted():
            await self._patch(409, chorus={"next": following})
            await self._patch(position=(LENGTH - 10) * 1000)

    async def _rejoin(self) -> None:
        async with self._interrupted():
            await self._patch(voice=self.rig.voice(self.room))

    async def _leave(self) -> None:
        """The player ends and leaves the channel; another one comes."""
        async with self._interrupted():
            session = self.room.channel.bot_session
            await self.rig.node.rest("DELETE", self.rig.node.player_path(self.room.guild.id))
            await until(lambda: session is None or not session.open, what="the node has left")
            self.rig.discord.voice.change(self.room.guild, "session", {"channel_id": None})
            await self._play()
