"""The built-in audio node: Lavalink's v4 protocol in Python on FFmpeg's libraries."""

__version__ = "0.1.0"
