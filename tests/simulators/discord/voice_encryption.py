"""End-to-end encryption on the voice server: the channels' groups, people's clients in them, frames decrypted."""

from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature

from tests.simulators.discord.dave import INVALID_COMMIT, TRANSITION_READY, DaveChannel, DaveClient
from tests.simulators.discord.dave_listener import DaveListener
from tests.simulators.discord.errors import CloseError
from tests.sound import SILENCE_PACKET

if TYPE_CHECKING:
    from tests.simulators.discord.channels import Channel
    from tests.simulators.discord.members import Member
    from tests.simulators.discord.simulator import DiscordSimulator
    from tests.simulators.discord.voice_connection import VoiceConnection

OPS = {TRANSITION_READY, INVALID_COMMIT}
MARKER = b"\xfa\xfa"  # the end of an encrypted frame


class Encryption:
    """The groups of all channels; with a highest version of 0 there are none."""

    def __init__(self, discord: "DiscordSimulator", version: int) -> None:
        self._discord = discord
        self.version = version
        self.channels: dict[int, DaveChannel] = {}
        self.listeners: dict[tuple[int, int], DaveListener] = {}  # by guild and member
        self._bots: dict[VoiceConnection, tuple[DaveChannel, DaveClient]] = {}

    def channel(self, channel: "Channel") -> DaveChannel:
        """The group of a voice channel."""
        return self.channels.setdefault(channel.id, DaveChannel(channel.id))

    def move(self, member: "Member", after: "Channel | None") -> None:
        """A person's client leaves the group it is in and enters another."""
        key = (member.guild.id, member.id)
        if old := self.listeners.pop(key, None):
            old.leave()
        if after is not None:
            self.listeners[key] = DaveListener(member, self.channel(after))

    def join(self, connection: "VoiceConnection", channel: "Channel") -> int:
        """The bot selected its protocol: the version for op 4. Call `joined` once that is out."""
        group = self.channel(channel)
        version = min(connection.max_dave, self.version)
        client = DaveClient(self._discord.bot.id, version, connection.send, connection.send_binary)
        self._bots[connection] = group, client
        return group.join(client)

    def joined(self, connection: "VoiceConnection") -> None:
        group, client = self._bots[connection]
        group.joined(client)

    def leave(self, connection: "VoiceConnection") -> None:
        """The bot's connection has ended."""
        if found := self._bots.pop(connection, None):
            group, client = found
            group.leave(client)

    def take(self, connection: "VoiceConnection", op: int, data: Any) -> None:
        """An op of the bot about its group."""
        if found := self._bots.get(connection):
            group, client = found
            group.take(client, op, data)

    def take_binary(self, connection: "VoiceConnection", data: bytes) -> None:
        """A binary op of the bot. Raises CloseError for what it should not send."""
        found = self._bots.get(connection)
        if found is None:
            raise CloseError(4001, f"Unknown opcode {data[0]}", mistake=True)
        group, client = found
        try:
            group.take_binary(client, data)
        except (ValueError, InvalidSignature) as error:
            raise CloseError(4020, f"Bad request: op {data[0]}: {error!r}", mistake=True) from None

    def decrypt(self, connection: "VoiceConnection", frame: bytes) -> bytes | None:
        """What the people in the channel hear of a frame; None when they cannot hear it."""
        found = self._bots.get(connection)
        if found is None or frame == SILENCE_PACKET:
            return frame
        group = found[0]
        plain = not frame.endswith(MARKER)
        people = [p for p in self.listeners.values() if group.clients.get(p.member.id)]
        if not group.version:
            return frame if plain or not people else None
        if plain and not group.upgrading:  # whether anybody is there to hear it or not
            self._discord.fail("voice UDP: a frame without end-to-end encryption in an encrypted channel")
        heard = (person.hear(self._discord.bot.id, frame) for person in people if not plain)
        return next((opus for opus in heard if opus is not None), None)
