"""Where a player's packets go: the voice channel and the taps, with talk spurts properly ended."""

from lavalink.minute import Minute
from lavalink.opus import FRAME_MS, SILENCE
from lavalink.tally import TALLY
from lavalink.taps import Taps
from lavalink.voice import VoiceLink

SILENT_FRAMES = 5
"""Frames of silence that end a talk spurt, as Discord asks for."""


class Output:
    """Sends each packet to all who hear the player."""

    def __init__(self, voice: VoiceLink, taps: Taps) -> None:
        self._voice = voice
        self._taps = taps
        self.minute = Minute()
        self._silence = 0  # frames of it that are still owed

    def sound(self, packet: bytes) -> None:
        """Send a packet of sound."""
        if not self._silence:
            self._voice.speak(True)  # noqa: FBT003 (the protocol's own word)
        self._silence = SILENT_FRAMES
        self._voice.send(packet)
        self._taps.put(packet)
        TALLY.sent += 1
        self.minute.sent()

    def past(self, packets: int) -> list[bytes]:
        """What was sent last, at most so many; nothing after a silence."""
        return self._taps.past(packets * FRAME_MS)

    def lack(self) -> None:
        """Sound is due and not there."""
        TALLY.missed += 1
        self.minute.missed()
        self.hush()

    def hush(self) -> bool:
        """Send one of the frames of silence that end a talk spurt; False if all are sent."""
        if not self._silence:
            return False
        self._voice.send(SILENCE)
        self._taps.put(SILENCE)
        self._silence -= 1
        if not self._silence:
            self._voice.speak(False)  # noqa: FBT003 (the protocol's own word)
            self._taps.forget()
        return True
