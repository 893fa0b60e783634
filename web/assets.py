"""The page's own files, kept in memory, named by what they hold so that browsers keep them for good."""

import gzip
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}
_INDENT = re.compile(rb"^\s+|^//.*\n", re.MULTILINE)
_STYLE_SPACE = re.compile(rb"/\*.*?\*/|\s+(?=[{}])|(?<=[{};:,])\s+", re.DOTALL)
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, its compressed form and the hash that names it."""

    body: bytes
    small: bytes
    tag: str
    kind: str


class Assets:
    """Reads the folder once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.suffix in TYPES}

    def path(self, name: str) -> str:
        """The address of a file as it is now."""
        return f"/static/{name}?{self._files[name].tag}"

    async def serve(self, request: web.Request) -> web.Response:
        """Answer with a file, or 304 when the browser has it."""
        asset = self._files.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        named = request.query_string == asset.tag
        headers = {
            "ETag": f'"{asset.tag}"',
            "Cache-Control": _FOR_GOOD if named else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if f'"{asset.tag}"' in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=asset.small, content_type=asset.kind, charset="utf-8", headers=headers)
        return web.Response(body=asset.body, content_type=asset.kind, charset="utf-8", headers=headers)


_SLIM: dict[str, Callable[[bytes], bytes]] = {
    ".js": lambda body: _INDENT.sub(b"", body),
    ".css": lambda body: _STYLE_SPACE.sub(b"", body),
}
"""What a browser does not need: indentation and comments of our own files."""


def _asset(path: Path) -> Asset:
    body = _SLIM.get(path.suffix, bytes)(path.read_bytes())
    return Asset(body, gzip.compress(body, 9, mtime=0), hashlib.sha256(body).hexdigest()[:12], TYPES[path.suffix])
