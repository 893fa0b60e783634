"""The commands about the sound: /filter /crossfade /loudness. Without an argument they tell what is on."""

from cogs import sounding
from cogs.telegram.answers import tell
from cogs.telegram.surface import Call
from core import filters
from core.acts import OFF, ON
from core.errors import NoSuchChoiceError, OutOfRangeError
from core.limits import CROSSFADE, SECOND


async def filter_(call: Call) -> None:
    """A preset by its name, one made by hand in Lavalink's JSON, or off."""
    wanted = call.arguments
    if not wanted:
        presets = ", ".join((*filters.PRESETS, filters.OFF))
        await call.say(f"{sounding.filtered(call.view.filter, call.words)}\n\n`{presets}`")
        return
    result = await call.jukebox.set_filter(call.room, call.actor, wanted, command_id=call.id)
    await tell(call, result, lambda _, texts: sounding.filtered(filters.parse(wanted), texts))


async def crossfade(call: Call) -> None:
    """Seconds that tracks fade into each other."""
    if not call.arguments:
        await call.say(sounding.crossfaded(call.view.crossfade, call.words))
        return
    ms = _ms(call.arguments)
    result = await call.jukebox.set_crossfade(call.room, call.actor, ms, command_id=call.id)
    await tell(call, result, lambda _, texts: sounding.crossfaded(ms, texts))


def _ms(text: str) -> int:
    """Seconds as people write them. Raises OutOfRangeError."""
    try:
        seconds = float(text.replace(",", ".").removesuffix("s").strip())
        return round(min(max(seconds, -1), 1_000) * SECOND)
    except ValueError:
        raise OutOfRangeError("crossfade", 0, 0, CROSSFADE) from None


async def loudness(call: Call) -> None:
    """Equally loud, or as recorded."""
    if not call.arguments:
        await call.say(sounding.levelled(call.view.loudness, call.words))
        return
    on = call.arguments.lower() == ON
    if not on and call.arguments.lower() != OFF:
        raise NoSuchChoiceError("loudness", call.arguments, (ON, OFF))
    result = await call.jukebox.set_loudness(call.room, call.actor, on, command_id=call.id)
    await tell(call, result, lambda _, texts: sounding.levelled(on, texts))
