"""Sources that only an operator's node may offer: their hosts, their search prefixes, their source managers.

The managers are the names that `GET /v4/info` lists in `sourceManagers` (Lavaplayer's and LavaSrc's).
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Source:
    """`name` is what people call it, `manager` what a node that offers it lists."""

    name: str
    manager: str


YOUTUBE = Source("YouTube", "youtube")
SOUNDCLOUD = Source("SoundCloud", "soundcloud")
BANDCAMP = Source("Bandcamp", "bandcamp")
TWITCH = Source("Twitch", "twitch")
VIMEO = Source("Vimeo", "vimeo")
SPOTIFY = Source("Spotify", "spotify")
APPLE = Source("Apple Music", "applemusic")
DEEZER = Source("Deezer", "deezer")
TIDAL = Source("Tidal", "tidal")
QOBUZ = Source("Qobuz", "qobuz")
YANDEX = Source("Yandex Music", "yandexmusic")
VK = Source("VK Music", "vkmusic")
JIOSAAVN = Source("JioSaavn", "jiosaavn")
MIXCLOUD = Source("Mixcloud", "mixcloud")
AMAZON = Source("Amazon Music", "amazonmusic")
NICONICO = Source("Niconico", "nico")
TIKTOK = Source("TikTok", "tiktok")

HOSTS = {
    "youtube.com": YOUTUBE,
    "youtube-nocookie.com": YOUTUBE,
    "youtu.be": YOUTUBE,
    "soundcloud.com": SOUNDCLOUD,
    "snd.sc": SOUNDCLOUD,
    "bandcamp.com": BANDCAMP,
    "twitch.tv": TWITCH,
    "vimeo.com": VIMEO,
    "spotify.com": SPOTIFY,
    "spotify.link": SPOTIFY,
    "music.apple.com": APPLE,
    "itunes.apple.com": APPLE,
    "deezer.com": DEEZER,
    "deezer.page.link": DEEZER,
    "tidal.com": TIDAL,
    "qobuz.com": QOBUZ,
    "music.yandex.com": YANDEX,
    "music.yandex.ru": YANDEX,
    "vk.com": VK,
    "vk.ru": VK,
    "jiosaavn.com": JIOSAAVN,
    "mixcloud.com": MIXCLOUD,
    "music.amazon.com": AMAZON,
    "music.amazon.co.uk": AMAZON,
    "music.amazon.de": AMAZON,
    "nicovideo.jp": NICONICO,
    "nico.ms": NICONICO,
    "tiktok.com": TIKTOK,
}
"""Domains, subdomains included."""

PREFIXES = {
    "ytsearch": YOUTUBE,
    "ytmsearch": YOUTUBE,
    "scsearch": SOUNDCLOUD,
    "bcsearch": BANDCAMP,
    "spsearch": SPOTIFY,
    "sprec": SPOTIFY,
    "amsearch": APPLE,
    "dzsearch": DEEZER,
    "dzisrc": DEEZER,
    "dzrec": DEEZER,
    "tdsearch": TIDAL,
    "tdrec": TIDAL,
    "qbsearch": QOBUZ,
    "qbisrc": QOBUZ,
    "ymsearch": YANDEX,
    "ymrec": YANDEX,
    "vksearch": VK,
    "vkrec": VK,
    "jssearch": JIOSAAVN,
    "jsrec": JIOSAAVN,
    "mcsearch": MIXCLOUD,
    "ncsearch": NICONICO,
}
_PREFIX = re.compile(r"([a-z]{3,12}):\S", re.IGNORECASE)


def source_of(query: str) -> Source | None:
    """The source that a link (with or without `https://`) or a prefixed search belongs to; None: none of the table."""
    prefix = _PREFIX.match(query)
    if prefix and prefix[1].lower() in PREFIXES:
        return PREFIXES[prefix[1].lower()]
    try:
        host = urlsplit(query if "//" in query else f"//{query}").hostname or ""
    except ValueError:
        return None
    labels = host.lower().rstrip(".").split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels)))
    return next((HOSTS[domain] for domain in domains if domain in HOSTS), None)
