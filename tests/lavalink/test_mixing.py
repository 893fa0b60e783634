"""How a crossfade mixes: by two tracks of ones, each in an ear of its own."""

from typing import TYPE_CHECKING, cast

import numpy as np

from lavalink.crossfade import RETREAT, Crossfade
from lavalink.protocol import LoadError
from tests.sound import Samples

if TYPE_CHECKING:
    from lavalink.strand import Strand

OVERLAP = 24_000


class Ones:
    """A track that is 1 in one ear and 0 in the other, for so many samples; then it ends, or breaks."""

    def __init__(self, ear: int, samples: int = 10**6, *, breaks: bool = False) -> None:
        self._ear, self._left, self._breaks = ear, samples, breaks

    def take(self, samples: int) -> Samples:
        if self._breaks and self._left < samples:
            raise LoadError("broken")
        samples = min(samples, self._left)
        self._left -= samples
        sound = np.zeros((samples, 2), np.float32)
        sound[:, self._ear] = 1
        return sound


def faded(former: Ones, coming: Ones) -> Crossfade:
    return Crossfade(cast("Strand", former), cast("Strand", coming), OVERLAP)


def mixed(fade: Crossfade) -> Samples:
    pieces = list[Samples]()
    while not fade.over:
        pieces.append(fade.mix())
    return np.concatenate(pieces)


def test_one_goes_as_the_other_comes_at_equal_power() -> None:
    fade = faded(Ones(0), Ones(1))
    sound = mixed(fade)
    assert len(sound) == OVERLAP
    assert np.allclose((sound**2).sum(axis=1), 1, atol=1e-4)
    assert np.diff(sound[:, 0]).max() <= 1e-6
    assert np.diff(sound[:, 1]).min() >= -1e-6
    assert sound[0, 1] < 0.01
    assert sound[-1, 0] < 0.01
    assert abs(sound[OVERLAP // 2, 0] - sound[OVERLAP // 2, 1]) < 0.01


def test_it_turns_in_the_middle() -> None:
    fade, heard = faded(Ones(0), Ones(1)), 0
    while not fade.turned:
        heard += len(fade.mix())
    assert heard == OVERLAP // 2


def test_called_off_it_goes_back_without_a_jump() -> None:
    fade = faded(Ones(0), Ones(1))
    before = fade.mix()
    fade.call_off()
    after = mixed(fade)
    assert len(after) == RETREAT
    assert not fade.turned
    assert np.abs(np.diff(np.concatenate([before, after]), axis=0)).max() < 0.001
    assert np.allclose(after[-1], [1, 0], atol=1e-3)
    assert np.allclose((after**2).sum(axis=1), 1, atol=1e-4)


def test_a_track_that_ends_early_leaves_the_other_one() -> None:
    for former, coming in ((Ones(0, 9_000), Ones(1)), (Ones(0, 9_000, breaks=True), Ones(1))):
        fade = faded(former, coming)
        sound = mixed(fade)
        assert len(sound) == OVERLAP
        assert fade.error is None
        assert sound[-1, 1] > 0.99


def test_a_coming_track_that_breaks_says_so_and_the_former_goes_on() -> None:
    fade = faded(Ones(0), Ones(1, 9_000, breaks=True))
    sound = np.concatenate([fade.mix(), fade.mix()])
    assert fade.error is not None
    assert (sound[:, 0] > 0).all()
