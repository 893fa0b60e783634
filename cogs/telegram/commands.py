"""Every command by its name, with the line that menus and /help show."""

from dataclasses import dataclass

from cogs.telegram import (
    controls,
    editing,
    guide,
    joining,
    live,
    premium,
    queue,
    shelf,
    sound,
    stewardship,
    terms,
    voice,
)
from cogs.telegram.surface import Handler


@dataclass(frozen=True, slots=True)
class Command:
    """`admin`: shown to administrators alone; `hidden`: in no menu; `sold`: there only where plans are sold, and
    `payer`: told of only there, but answered to whoever paid before.
    """

    name: str
    description: str
    handler: Handler
    admin: bool = False
    hidden: bool = False
    sold: bool = False
    payer: bool = False


def _(text: str) -> str:
    """Marks what is translated when it is shown."""
    return text


COMMANDS = (
    Command("play", _("Play a song: search the library, paste a link, or answer to a file"), queue.play),
    Command("queue", _("What is waiting, and in which order"), queue.queue),
    Command("now", _("What is playing"), queue.now),
    Command("skip", _("Skip what plays: at once if it is yours, else by vote"), controls.skip),
    Command("vote", _("Vote for a track: /vote 3 up, /vote 3 down"), queue.vote),
    Command("why", _("Why a track stands where it stands, and how the running votes do"), queue.why),
    Command("remove", _("Take tracks out of the queue: /remove 3"), editing.remove),
    Command("pause", _("Pause"), controls.pause),
    Command("resume", _("Go on"), controls.resume),
    Command("volume", _("Set how loud it is: 0 to 200"), controls.volume),
    Command("mode", _("What decides the order of the queue: show or change it"), controls.mode),
    Command("undo", _("Take back what was removed, cleared, moved or shuffled within 30 seconds"), editing.undo),
    Command("next", _("Play a song before everything else that waits; for DJs"), queue.next_, admin=True),
    Command("later", _("Play a song at a time: /later 18:00 TITLE, /later in 20 min TITLE"), queue.later),
    Command("jump", _("Play a waiting track now, instead of what is on"), controls.jump, admin=True),
    Command("previous", _("Go back to the track before; what is on waits"), controls.previous),
    Command("seek", _("Go to a time in the track: /seek 1:30"), controls.seek),
    Command("loop", _("Repeat the track or the queue, or nothing: off, track, queue"), controls.loop),
    Command("shuffle", _("Shuffle the queue; in fair mode, everybody’s own tracks"), editing.shuffle),
    Command("move", _("Put a track elsewhere in the queue: /move 5 1"), editing.move),
    Command("swap", _("Let two waiting tracks change places: /swap 2 5"), editing.swap),
    Command("clear", _("Empty the queue; what plays goes on"), editing.clear),
    Command("lock", _("Lock the queue, so that only DJs add to it, or open it again"), editing.lock, admin=True),
    Command("stop", _("Stop and empty the queue"), controls.stop),
    Command("history", _("What has played here"), shelf.history),
    Command("again", _("Play something again that has played here"), shelf.again),
    Command("favourite", _("Keep a track among your favourites, or let it go"), shelf.favourite),
    Command("favourites", _("Your favourites: look at them, play them"), shelf.favourites),
    Command("export", _("The queue as a file: /export m3u8, /export json"), shelf.export),
    Command("import", _("Add the tracks of a list: answer to the file with /import"), shelf.import_),
    Command("episodes", _("The episodes of a podcast: /episodes LINK"), queue.episodes),
    Command("filter", _("Change the sound: a preset, or one of your own; or see what is on"), sound.filter_),
    Command("crossfade", _("Let tracks fade into each other; or see how they do"), sound.crossfade),
    Command("loudness", _("Make all tracks equally loud, or leave them as recorded"), sound.loudness),
    Command("voice", _("What plays, as an audio message to hear in the chat"), voice.voice),
    Command("listen", _("Where this room is heard"), guide.listen),
    Command("settings", _("Show or change how Chorus behaves here"), stewardship.settings, admin=True),
    Command("policy", _("Who may do what: show or change it"), stewardship.policy, admin=True),
    Command("block", _("Block a track, an artist, a word or a website"), stewardship.block, admin=True),
    Command("unblock", _("Allow something again"), stewardship.unblock, admin=True),
    Command("audit", _("Who changed which settings, and when"), stewardship.audit, admin=True),
    Command("live", _("The room in this chat’s live stream; for administrators"), live.live, admin=True),
    Command("link", _("Share the room of a Discord server: /link CODE"), joining.link, admin=True),
    Command("unlink", _("Have a room of our own again"), joining.unlink, admin=True),
    Command("me", _("Your other accounts: one person, one vote"), joining.me),
    Command("premium", _("The plan here, and better ones for Stars"), premium.premium, sold=True),
    Command("lang", _("The language that I answer in here"), guide.lang),
    Command("help", _("What I understand"), guide.help_),
    Command("terms", _("The terms of whoever runs me"), terms.terms),
    Command("paysupport", _("Help with a payment"), terms.paysupport, payer=True),
    Command("start", _("What this is"), guide.start, hidden=True),
    Command("join", _("Come to your voice channel"), controls.join, hidden=True),
    Command("leave", _("Leave the voice channel; the queue is kept"), controls.leave, hidden=True),
)
BY_NAME = {command.name: command for command in COMMANDS}


def listed(*, sells: bool) -> list[Command]:
    """Those that people are told about; `sells`: whether plans are sold here."""
    return [one for one in COMMANDS if not one.hidden and (sells or not (one.sold or one.payer))]
