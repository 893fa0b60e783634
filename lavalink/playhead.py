"""How far a track has been heard, in frames that were sent."""

from lavalink.opus import FRAME_MS


class Playhead:
    """Counts from a place in a track on."""

    def __init__(self) -> None:
        self._start = 0  # ms of the track at which `_played` began to count
        self._played = 0
        self._starved = 0
        self._tempo = 1.0

    def set(self, start: int, tempo: float | None = None) -> None:
        """The track goes on from `start` ms, as fast as before unless told otherwise."""
        self._start, self._played, self._starved = start, 0, 0
        self._tempo = self._tempo if tempo is None else tempo

    def begin(self, start: int) -> None:
        """What is to be heard first lies here: a file that has no places begins at its start, wherever it was to."""
        if not self._played:
            self._start = start

    def turn(self, position: int, tempo: float) -> None:
        """From here, `position` ms, on the track goes by `tempo` times as fast as time."""
        self._tempo = tempo
        self._start = position - self._ran

    def move(self) -> bool:
        """A frame was sent; whether it was the first from here."""
        self._played += 1
        self._starved = 0
        return self._played == 1

    def wait(self) -> int:
        """No frame was there in time; how many ms it has been waited."""
        self._starved += 1
        return self._starved * FRAME_MS

    @property
    def position(self) -> int:
        """Where the track is, in ms."""
        return self._start + self._ran

    @property
    def _ran(self) -> int:
        return round(self._played * FRAME_MS * self._tempo)
