"""Stage channels: who enters one is in the audience, and is heard only once it is a speaker."""

import asyncio

import discord
import structlog

log = structlog.get_logger()


class Stage:
    """What becomes of us on one guild's stages."""

    def __init__(self) -> None:
        self.silent = False
        """Whether we are in the audience, where nobody hears us."""
        self._channel: int | None = None
        self._asked = self._spoke = False
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, channel: object, *, suppressed: bool) -> None:
        """Where we are, and whether Discord suppresses us there: become a speaker, or ask to be made one."""
        if not isinstance(channel, discord.StageChannel):
            self._channel, self.silent = None, False
            return
        if channel.id != self._channel:
            self._channel, self._asked, self._spoke = channel.id, False, False
        self.silent = suppressed
        if not suppressed:
            self._asked, self._spoke = False, True
        elif not self._asked:
            self._asked = True
            task = asyncio.create_task(self._speak_up(channel, put_back=self._spoke))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _speak_up(self, channel: discord.StageChannel, *, put_back: bool) -> None:
        """Moderators speak at once; whom they put back into the audience only raises a hand."""
        me, may = channel.guild.me, channel.permissions_for(channel.guild.me)
        try:
            if may.mute_members and not put_back:
                await me.edit(suppress=False)
            elif may.request_to_speak:
                await me.request_to_speak()
        except discord.DiscordException as error:
            log.warning("not let speak on a stage", guild=channel.guild.id, error=type(error).__name__)
