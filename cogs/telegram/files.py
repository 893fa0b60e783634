"""Music files that people sent: where they can be fetched. The address holds the bot's token: it is never kept."""

from telegram import Audio, Bot, Document, Message, Video, Voice
from telegram.error import BadRequest

from core.errors import NotAListError, UnplayableError
from core.limits import LIST_BYTES
from core.ports.tracks import Attachment

LARGEST = 20 * 1024 * 1024
"""Bytes that Telegram lets a bot fetch."""

Sound = Audio | Voice | Document | Video


def sound_of(message: Message | None) -> Sound | None:
    """The music in a message; a document only if it says that it is sound."""
    if message is None:
        return None
    found = message.audio or message.voice or message.video
    if found is not None:
        return found
    document = message.document
    return document if document is not None and (document.mime_type or "").startswith(("audio/", "video/")) else None


class Files:
    """Telegram's side of uploads."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def attachment(self, sound: Sound) -> Attachment:
        """What is copied at once and then forgotten. Raises UnplayableError, TelegramError."""
        if (sound.file_size or 0) > LARGEST:
            raise UnplayableError("too_large")
        try:
            file = await self._bot.get_file(sound.file_id)
        except BadRequest as error:
            raise UnplayableError("too_large" if "too big" in error.message else "not_found") from None
        return Attachment(file.file_path or "", _name(sound), file.file_size or 0, sound.mime_type)

    async def list_of(self, message: Message | None) -> tuple[str, bytes]:
        """The list that a message holds or answers to: its name and content. Raises NotAListError, TelegramError."""
        answered = message.reply_to_message if message is not None else None
        document = (message.document if message else None) or (answered.document if answered else None)
        if document is None:
            raise NotAListError("missing")
        if (document.file_size or 0) > LIST_BYTES:
            raise NotAListError("too_large")
        file = await self._bot.get_file(document.file_id)
        return document.file_name or "list", bytes(await file.download_as_bytearray())


def _name(sound: Sound) -> str:
    """The file name by which a track without tags is known."""
    if isinstance(sound, Audio) and sound.title:
        told = f"{sound.performer} - {sound.title}" if sound.performer else sound.title
        return f"{told}.audio".replace("/", "-")
    return (getattr(sound, "file_name", None) or "").strip() or "Voice message"
