"""Reactions under the live message are votes for what plays; told where the bot is an administrator."""

from telegram import MessageReactionUpdated, ReactionType, ReactionTypeEmoji

from cogs.telegram.people import place_of, speaker
from cogs.telegram.surface import Spot, read
from core.errors import ChorusError

UP = {"👍", "❤", "🔥", "🎉", "😍", "👏"}
DOWN = {"👎", "💩", "🤮", "😴"}


async def count(reaction: MessageReactionUpdated, spot: Spot) -> None:
    """A vote up, down, or taken back; what may not be is left alone, as nobody can be told."""
    who = speaker(reaction.user, reaction.actor_chat)
    value = _value(reaction.new_reaction)
    if who is None or value == _value(reaction.old_reaction):
        return
    if spot.surface.panels.chat(place_of(spot.chat.id)).message != reaction.message_id:
        return
    call = await read(spot, who)
    if call.view.current is None:
        return
    try:
        await call.jukebox.vote(call.room, call.actor, call.view.current.id, value, command_id=call.id)
    except ChorusError:
        return


def _value(reactions: tuple[ReactionType, ...]) -> int:
    emoji = {one.emoji for one in reactions if isinstance(one, ReactionTypeEmoji)}
    return 1 if emoji & UP else -1 if emoji & DOWN else 0
