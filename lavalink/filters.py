"""The filters of a player as PATCHes name them: Lavalink's JSON, its defaults and its ranges.

https://lavalink.dev/api/rest#filters and the server's `filterConfigs.kt`, which says when each one does nothing.
"""

from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from lavalink.wire import Integer, Model, Number, Patch

BANDS = 15
WIDEST = 1_000_000.0
"""A bound where Lavalink has none, so that no formula overflows."""

Share = Annotated[Number, Field(ge=0, le=1)]
Tempo = Annotated[Number, Field(ge=0.25, le=4)]
"""Lavalink takes any from 0 on; beyond these a player would cost its neighbours too much."""
Hertz = Annotated[Number, Field(ge=1, le=24_000)]
Factor = Annotated[Number, Field(ge=-WIDEST, le=WIDEST)]


class Effect(Model):
    """One filter's settings."""

    model_config = ConfigDict(allow_inf_nan=False, frozen=True)

    @property
    def audible(self) -> bool:
        """Whether these settings change anything."""
        return self != type(self)()


class Band(Effect):
    """One band of the equalizer: −0.25 mutes it, 0.25 doubles it."""

    band: Annotated[Integer, Field(ge=0, lt=BANDS)]
    gain: Annotated[Number, Field(ge=-0.25, le=1)] = 1.0


class Equalizer(Effect):
    """The gains of all bands, from 25 Hz to 16 kHz."""

    gains: tuple[float, ...]

    @property
    def audible(self) -> bool:
        """Whether it is not flat."""
        return any(self.gains)


class Karaoke(Effect):
    """Takes away what both ears have in common, and gives back a band of it."""

    level: Share = 1.0
    mono_level: Share = 1.0
    filter_band: Hertz = 220.0
    filter_width: Hertz = 100.0

    @property
    def audible(self) -> bool:
        """Always, as on a Java node."""
        return True


class Timescale(Effect):
    """`rate` changes speed and pitch together."""

    speed: Tempo = 1.0
    pitch: Tempo = 1.0
    rate: Tempo = 1.0

    @property
    def tempo(self) -> float:
        """How many times as fast as time the track goes by."""
        return self.speed * self.rate


class Tremolo(Effect):
    """Makes the volume swing; `frequency` in Hz."""

    frequency: Annotated[Number, Field(gt=0, le=24_000)] = 2.0
    depth: Share = 0.5

    @property
    def audible(self) -> bool:
        """Whether it swings at all."""
        return self.depth > 0


class Vibrato(Tremolo):
    """Makes the pitch swing; `frequency` in Hz."""

    frequency: Annotated[Number, Field(gt=0, le=14)] = 2.0


class Rotation(Effect):
    """Turns the sound around the listener."""

    rotation_hz: Factor = 0.0


class Distortion(Effect):
    """Bends the wave through sine, cosine and tangent."""

    sin_offset: Factor = 0.0
    sin_scale: Factor = 1.0
    cos_offset: Factor = 0.0
    cos_scale: Factor = 1.0
    tan_offset: Factor = 0.0
    tan_scale: Factor = 1.0
    offset: Factor = 0.0
    scale: Factor = 1.0


class ChannelMix(Effect):
    """How much of each ear goes to each ear."""

    left_to_left: Share = 1.0
    left_to_right: Share = 0.0
    right_to_left: Share = 0.0
    right_to_right: Share = 1.0


class LowPass(Effect):
    """Smooths the wave over about so many samples."""

    smoothing: Annotated[Number, Field(ge=-WIDEST, le=WIDEST)] = 20.0

    @property
    def audible(self) -> bool:
        """Whether it smooths: over more than one sample."""
        return self.smoothing > 1


class Filters(Patch):
    """All filters of a player; what is absent or null is off. Filters that are not known are ignored."""

    model_config = ConfigDict(allow_inf_nan=False)
    nullable: ClassVar[frozenset[str]] = frozenset(
        {"karaoke", "timescale", "tremolo", "vibrato", "rotation", "distortion", "channel_mix", "low_pass"}
    )

    volume: Annotated[Number, Field(ge=0, le=5)] | None = None
    equalizer: list[Band] | None = None
    karaoke: Karaoke | None = None
    timescale: Timescale | None = None
    tremolo: Tremolo | None = None
    vibrato: Vibrato | None = None
    rotation: Rotation | None = None
    distortion: Distortion | None = None
    channel_mix: ChannelMix | None = None
    low_pass: LowPass | None = None

    def wire(self) -> dict[str, Any]:
        """As answers show them: the ones that were named, with all of their settings."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @property
    def gain(self) -> float:
        """The factor of `volume`."""
        return 1.0 if self.volume is None else self.volume

    @property
    def tempo(self) -> float:
        """How many times as fast as time the track goes by."""
        return self.timescale.tempo if self.timescale else 1.0

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What changes the sound beyond its volume, in the order in which a Java node applies them."""
        every = (
            self.low_pass,
            self.channel_mix,
            self.rotation,
            self.distortion,
            self.vibrato,
            self.tremolo,
            self.timescale,
            self.karaoke,
            self._equalizer,
        )
        return tuple(effect for effect in every if effect is not None and effect.audible)

    @property
    def _equalizer(self) -> Equalizer:
        gains = [0.0] * BANDS
        for band in self.equalizer or ():
            gains[band.band] = band.gain
        return Equalizer(gains=tuple(gains))


def tempo_of(effects: tuple[Effect, ...]) -> float:
    """How many times as fast as time a track goes by with these."""
    return next((effect.tempo for effect in effects if isinstance(effect, Timescale)), 1.0)


NAMES = tuple(field.alias or name for name, field in Filters.model_fields.items())
"""The filters that this node has."""
