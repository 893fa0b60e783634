"""A person's client in an encrypted voice channel: it takes part in the group and decrypts what the bot sends."""

import asyncio
from typing import TYPE_CHECKING, Any

import davey

from tests.simulators.discord import dave
from tests.simulators.discord.dave import DaveChannel, DaveClient

if TYPE_CHECKING:
    from tests.simulators.discord.members import Member


class DaveListener:
    """One connection of a member; it answers in a later turn of the loop, as a network would."""

    def __init__(self, member: "Member", channel: DaveChannel) -> None:
        self.member = member
        self._channel = channel
        self._client = DaveClient(member.id, member.max_dave, self._later, self._later_binary)
        self._session: davey.DaveSession | None = None
        self._versions: dict[int, int] = {}
        if version := channel.join(self._client):
            self._reset(version)
        channel.joined(self._client)

    def leave(self) -> None:
        self._channel.leave(self._client)

    def hear(self, sender: int, frame: bytes) -> bytes | None:
        """An encrypted frame decrypted; None when it cannot be."""
        if self._session is None:
            return None
        try:
            return self._session.decrypt(sender, davey.MediaType.audio, frame)
        except ValueError:
            return None

    @property
    def ready(self) -> bool:
        """Whether it has a group."""
        return self._session is not None and self._session.ready

    def _reset(self, version: int) -> None:
        self._session = davey.DaveSession(version, self.member.id, self._channel.channel_id)

    def _later(self, op: int, data: Any) -> None:
        asyncio.get_running_loop().call_soon(self._take, op, data)

    def _later_binary(self, op: int, body: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._take_binary, op, body)

    def _answer(self, op: int, body: bytes) -> None:
        self._channel.take_binary(self._client, bytes([op]) + body)

    def _take(self, op: int, data: Any) -> None:
        if op == dave.PREPARE_EPOCH:
            self._reset(data["protocol_version"])
        elif op == dave.PREPARE_TRANSITION:
            self._versions[data["transition_id"]] = data["protocol_version"]
            if data["transition_id"]:
                self._channel.take(self._client, dave.TRANSITION_READY, data)
        elif op == dave.EXECUTE_TRANSITION and self._versions.pop(data["transition_id"], 1) == 0:
            self._session = None

    def _take_binary(self, op: int, body: bytes) -> None:
        session = self._session
        if session is None:
            return
        if op == dave.EXTERNAL_SENDER:
            session.set_external_sender(body)
            self._answer(dave.KEY_PACKAGE, session.get_serialized_key_package())
        elif op == dave.PROPOSALS:
            kind = davey.ProposalsOperationType.revoke if body[0] else davey.ProposalsOperationType.append
            if commit := session.process_proposals(kind, body[1:]):
                self._answer(dave.COMMIT_WELCOME, commit.commit + (commit.welcome or b""))
        elif op in (dave.ANNOUNCE_COMMIT, dave.WELCOME):
            process = session.process_commit if op == dave.ANNOUNCE_COMMIT else session.process_welcome
            process(body[2:])
            ready = {"transition_id": int.from_bytes(body[:2], "big")}
            self._channel.take(self._client, dave.TRANSITION_READY, ready)
