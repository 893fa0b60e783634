"""Which files FFmpeg may open, and how: the file itself and nothing that it names."""

import av
from av.container import InputContainer
from av.error import FFmpegError

from lavalink.fetch import HttpFile
from lavalink.hls import reason
from lavalink.protocol import LoadError

FORMATS = (
    "wav,w64,aiff,au,caf,flac,mp3,aac,ogg,matroska,webm,mov,mp4,m4a,3gp,asf,ape,wv,tta,tak,mpc,mpc8,dsf,"
    "ac3,eac3,dts,amr,mpegts,mpeg,flv,avi,oma,voc"
)
"""Containers that open nothing but the file itself: no playlists, no references to other files."""
OPTIONS = {
    "format_whitelist": FORMATS,
    "protocol_whitelist": "",
    "fflags": "+fastseek",  # an MP3 without a table of contents would be read up to the place
    "analyzeduration": "2000000",
}
PCM_MAGIC = frozenset({b"RIFF", b"RF64", b"FORM", b"riff"})
PCM_PROBE = 16 * 1024


def open_container(file: HttpFile) -> InputContainer:
    """Find out what a file is; LoadError if it is none of these."""
    try:
        return av.open(file, mode="r", container_options=_options(file), metadata_errors="ignore")
    except (FFmpegError, ValueError) as error:
        raise file.error or LoadError("This is not a sound file", "common", reason(error)) from error


def _options(file: HttpFile) -> dict[str, str]:
    """FFmpeg looks through 5 MB of a PCM file for hidden codecs, which would delay its start."""
    magic = file.read(4)
    file.seek(0)
    return OPTIONS | {"probesize": str(PCM_PROBE)} if magic in PCM_MAGIC else OPTIONS
