"""Samples through a player's filters, which can change at any moment without a click."""

from collections.abc import Callable
from typing import Protocol, cast

import numpy as np

from lavalink import convolver, effects, filters
from lavalink.convolver import Sound
from lavalink.filters import Effect, tempo_of
from lavalink.opus import BLOCK, FRAME
from lavalink.pcm import Pcm
from lavalink.timescale import Timescale

FADE = FRAME * 2
"""Samples (40 ms) over which the sound goes from the former filters to the new ones."""
_RAMP = (np.sin(np.arange(FADE) / FADE * np.pi / 2) ** 2).astype(np.float32)[:, None]
_NONE: Sound = np.zeros((0, 2), np.float32)


class Stage(Protocol):
    """One filter at work."""

    def process(self, sound: Sound) -> Sound:
        """What comes out when this goes in."""
        ...


_STAGES: dict[type[Effect], Callable[..., Stage]] = {
    filters.LowPass: convolver.low_pass,
    filters.ChannelMix: effects.ChannelMix,
    filters.Rotation: effects.Rotation,
    filters.Distortion: effects.Distortion,
    filters.Vibrato: effects.Vibrato,
    filters.Tremolo: effects.Tremolo,
    filters.Timescale: Timescale,
    filters.Karaoke: effects.Karaoke,
    filters.Equalizer: convolver.equalizer,
}


class Chain:
    """Filters in a row."""

    def __init__(self, wanted: tuple[Effect, ...]) -> None:
        self._stages = [_STAGES[type(effect)](effect) for effect in wanted]
        self._timescale = next((at for at, stage in enumerate(self._stages) if isinstance(stage, Timescale)), None)
        self.tempo = tempo_of(wanted)
        """Samples in for one sample out."""
        self._taken = self._given = 0

    def process(self, sound: Sound) -> Sound:
        """What is ready."""
        self._taken += len(sound)
        return self._run(sound, self._stages)

    def flush(self) -> Sound:
        """The rest, after which nothing can be given."""
        if self._timescale is None:
            return _NONE
        rest = cast("Timescale", self._stages[self._timescale]).flush()
        return self._run(rest, self._stages[self._timescale + 1 :])

    @property
    def unfinished(self) -> bool:
        """Whether it holds sound that only `flush` brings out."""
        return self._timescale is not None and self._taken > 0

    @property
    def owed(self) -> int:
        """Samples that are still to come out of what went in."""
        return max(0, round(self._taken / self.tempo) - self._given)

    def _run(self, sound: Sound, stages: list[Stage]) -> Sound:
        for stage in stages:
            if len(sound):
                sound = stage.process(sound)
        self._given += len(sound)
        return sound


class Shaper:
    """Takes pieces as they are decoded and gives them out filtered; at a change both chains run for a moment."""

    def __init__(self, wanted: tuple[Effect, ...]) -> None:
        self._wanted = wanted
        self._chain = Chain(wanted)
        self._next: Chain | None = None
        self._rest = _NONE  # taken and not filtered yet
        self._old = self._new = _NONE  # filtered, for the crossing
        self._ahead = 0  # samples that come out of the old chain before the crossing begins

    @property
    def tempo(self) -> float:
        """How fast the track goes by now."""
        return self._chain.tempo

    @property
    def unfinished(self) -> bool:
        """Whether some of what was given has still to come out: then `flush` where a track ends."""
        return self._chain.unfinished or self._next is not None

    @property
    def waiting(self) -> bool:
        """Whether there is something to `shape`."""
        return len(self._rest) > 0

    @property
    def idle(self) -> bool:
        """Whether the sound goes through it untouched."""
        return not self._wanted and self._next is None and not self.waiting

    @property
    def behind(self) -> float:
        """Samples of the track that were given and did not come out yet."""
        return len(self._rest) + self._chain.owed * self.tempo

    def feed(self, pcm: Pcm) -> None:
        """Take a piece; then `shape` while it is `waiting`."""
        self._rest = pcm.sound()

    def shape(self, wanted: tuple[Effect, ...]) -> Sound:
        """The next 100 ms or so, less while the filters change."""
        if self._next is None and wanted != self._wanted:
            self._turn(wanted)
        sound = self._slice()
        heard = self._chain.process(sound)
        if self._next is None:
            return heard
        self._old = np.concatenate([self._old, heard])
        self._new = np.concatenate([self._new, self._next.process(sound)])
        return self._cross(self._next)

    def flush(self) -> Sound:
        """The rest of a track that has ended; the next one begins with the filters that are wanted."""
        rest = np.concatenate([self._old, self._chain.flush()])
        self._become(Chain(self._wanted))
        return rest

    def _turn(self, wanted: tuple[Effect, ...]) -> None:
        self._wanted, self._next = wanted, Chain(wanted)
        self._ahead = self._chain.owed

    def _slice(self) -> Sound:
        """So much of what waits as makes 100 ms, or 20 ms of the slower one of two chains."""
        tempo = self.tempo if self._next is None else min(self.tempo, self._next.tempo)
        size = round(FRAME * (BLOCK if self._next is None else 1) * min(tempo, 1.0))
        sound, self._rest = self._rest[:size], self._rest[size:]
        return sound

    def _cross(self, following: Chain) -> Sound:
        """What the old chain owes, then both of them, as soon as there is enough of them, then the new one."""
        head, self._old = self._old[: self._ahead], self._old[self._ahead :]
        self._ahead -= len(head)
        if self._ahead or min(len(self._old), len(self._new)) < FADE:
            return head
        mixed = self._old[:FADE] + (self._new[:FADE] - self._old[:FADE]) * _RAMP
        heard = np.concatenate([head, np.asarray(mixed, np.float32), self._new[FADE:]])
        self._become(following)
        return heard

    def _become(self, chain: Chain) -> None:
        self._chain, self._next = chain, None
        self._old = self._new = _NONE
        self._ahead = 0
