"""The built-in audio node: Lavalink's v4 protocol in Python on FFmpeg's libraries."""

import os

__version__ = "0.1.0"
PROTOCOL_VERSION = "4.2.2"
"""Of Lavalink, whose protocol this is."""

# A room's 100 ms are too little for several threads: handing them out costs three times the work. Before numpy comes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
