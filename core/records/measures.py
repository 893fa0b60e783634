"""How loud a track is, as it was measured."""

from dataclasses import dataclass

from core.types import TrackRef

POINTS = 400
"""Points of a waveform."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What was measured of a track.

    `loudness` is integrated (EBU R128, in LUFS; None: silence), `peak` the true peak in dBTP (None: not known). `opus`:
    its packets can pass as they are. `whole`: all of it was measured, not a sample. `stamp` tells whether the file is
    still the one that was measured. `waveform` holds POINTS peaks of 0 to 255, or nothing.
    """

    ref: TrackRef
    loudness: float | None
    peak: float | None
    opus: bool = False
    whole: bool = False
    stamp: str = ""
    waveform: bytes = b""
