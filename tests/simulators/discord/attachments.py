"""Files on Discord's CDN: uploaded by people or by the bot, read by URL."""

import mimetypes
from dataclasses import dataclass, field

from tests.simulators.discord.bodies import Json
from tests.simulators.discord.ids import secret, snowflake


@dataclass
class Attachment:
    """An uploaded file; its URL carries a signature, as the real ones do."""

    filename: str
    data: bytes
    content_type: str
    base_url: str
    channel_id: int
    id: int = field(default_factory=snowflake)
    signature: str = field(default_factory=secret)
    expired: bool = False

    @property
    def path(self) -> str:
        return f"/cdn/attachments/{self.channel_id}/{self.id}/{self.filename}"

    @property
    def url(self) -> str:
        return f"{self.base_url}{self.path}?ex=7fffffff&is=60000000&hm={self.signature}&"

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "filename": self.filename,
            "size": len(self.data),
            "url": self.url,
            "proxy_url": self.url,
            "content_type": self.content_type,
            "content_scan_version": 0,
        }


def content_type(filename: str) -> str:
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"
