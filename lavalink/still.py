"""A still picture as H.264 for a push: black until there is one."""

import io
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720
RATE = 5
"""Pictures a second: servers give up on a stream that has hardly any."""
KEY_EVERY = 2 * RATE
LARGEST = 5 * 1024 * 1024
"""Bytes of a picture."""
MOST_PIXELS = 25_000_000
_FORMATS = "jpeg_pipe,png_pipe,webp_pipe,mjpeg,image2"
_KEY, _BETWEEN, _AVC = 0x10, 0x20, 0x07


class Still:
    """Encodes one picture again and again, as bodies of FLV's video tags."""

    def __init__(self) -> None:
        codec = cast("Any", av.CodecContext.create("libx264", "w"))
        codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        codec.framerate, codec.time_base = Fraction(RATE), Fraction(1, RATE)
        codec.gop_size, codec.thread_count, codec.bit_rate = KEY_EVERY, 1, 200_000
        codec.options = {"preset": "ultrafast", "tune": "stillimage,zerolatency", "profile": "baseline"}
        codec.flags |= 1 << 22  # parameter sets in `extradata`
        codec.open()
        self._codec = codec
        self._at = 0
        self._frame = _canvas(None)

    def show(self, data: bytes) -> None:
        """From now on this JPEG, PNG or WebP, black for none (b""); one that cannot be read changes nothing."""
        try:
            self._frame = _canvas(_picture(data) if data else None)
        except (FFmpegError, ValueError, IndexError):
            return

    def header(self) -> bytes:
        """What a decoder has to know first (AVCDecoderConfigurationRecord)."""
        sets = _units(bytes(self._codec.extradata))
        profile, parameters = (next(unit for unit in sets if unit[0] & 31 == kind) for kind in (7, 8))
        record = bytes([1, *profile[1:4], 0xFF, 0xE1]) + len(profile).to_bytes(2, "big") + profile
        record += b"\x01" + len(parameters).to_bytes(2, "big") + parameters
        return bytes([_KEY | _AVC, 0, 0, 0, 0]) + record

    def next(self) -> list[bytes]:
        """One more picture, 200 ms after the last."""
        self._frame.pts, self._frame.time_base = self._at, Fraction(1, RATE)
        self._at += 1
        return [_tag(packet.is_keyframe, bytes(packet)) for packet in self._codec.encode(self._frame)]


def _tag(key: bool, data: bytes) -> bytes:  # noqa: FBT001
    units = b"".join(len(unit).to_bytes(4, "big") + unit for unit in _units(data))
    return bytes([(_KEY if key else _BETWEEN) | _AVC, 1, 0, 0, 0]) + units


def _units(data: bytes) -> list[bytes]:
    """What lies between start codes (Annex B)."""
    return [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit.strip(b"\0")]


def _picture(data: bytes) -> NDArray[np.uint8]:
    """The picture, as large as it fits. Raises FFmpegError, ValueError, IndexError."""
    with av.open(io.BytesIO(data), options={"format_whitelist": _FORMATS, "protocol_whitelist": ""}) as container:
        stream = cast("Any", container).streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        if not width or not height or width * height > MOST_PIXELS:
            raise ValueError("no picture of a reasonable size")
        scale = min(WIDTH / width, HEIGHT / height)
        size = {"width": max(2, round(width * scale)), "height": max(2, round(height * scale))}
        frame = next(iter(cast("Any", container).decode(video=0)))
        return frame.reformat(**size, format="rgb24").to_ndarray()


def _canvas(picture: NDArray[np.uint8] | None) -> Any:
    """A frame with the picture in its middle."""
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    if picture is not None:
        height, width, _ = picture.shape
        top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
        canvas[top : top + height, left : left + width] = picture
    return VideoFrame.from_ndarray(canvas, format="rgb24").reformat(format="yuv420p")
