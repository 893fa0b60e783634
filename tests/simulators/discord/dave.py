"""The delivery service of end-to-end encrypted voice: one MLS group per channel, as the voice gateway keeps it.

Transport-free: it is fed what clients send and calls their `send(op, data)` and `send_binary(op, body)`.
Source: daveprotocol.com, DAVE version 1.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.simulators.discord.mls import (
    ADD,
    FOR_EVER,
    REMOVE,
    SUITE,
    Commit,
    ExternalSender,
    Proposal,
    appended,
    read_commit,
    read_key_package,
    welcome_for,
)

CLIENTS_CONNECT, CLIENT_DISCONNECT = 11, 13
PREPARE_TRANSITION, EXECUTE_TRANSITION, TRANSITION_READY, PREPARE_EPOCH = 21, 22, 23, 24
EXTERNAL_SENDER, KEY_PACKAGE, PROPOSALS, COMMIT_WELCOME, ANNOUNCE_COMMIT, WELCOME, INVALID_COMMIT = range(25, 32)


@dataclass(eq=False)
class DaveClient:
    """One connection; a user who comes back is another client."""

    user_id: int
    max_version: int
    send: Callable[[int, Any], None]
    send_binary: Callable[[int, bytes], None]
    key_package: bytes | None = None
    awaited: int = 0  # key packages asked for and not here yet


@dataclass(eq=False)
class Transition:
    """A change that waits for op 23 of these clients."""

    downgrade: bool
    waiting: set[DaveClient]


class DaveChannel:
    """The group of one voice channel."""

    def __init__(self, channel_id: int) -> None:
        self.channel_id = channel_id
        self.clients: dict[int, DaveClient] = {}
        self.version = 0
        self.invalid: list[tuple[int, int]] = []  # op 31: (user, transition)
        self.upgrading = False  # from version 0: plaintext is heard until the first transition is executed
        self.hold_execute = False  # lets a test look at the time between op 23 and op 22
        self._sender = ExternalSender()
        self._transitions: dict[int, Transition] = {}
        self._next_transition = 1
        self._new_group()

    def _new_group(self) -> None:
        self.established, self.epoch = False, 0
        self._leaves: list[DaveClient | None] = []
        self._sent: dict[bytes, Proposal[DaveClient]] = {}  # the proposals of this epoch, by ref

    def _live(self, client: DaveClient | None) -> bool:
        return client is not None and self.clients.get(client.user_id) is client

    def _wanted_version(self) -> int:
        return min((client.max_version for client in self.clients.values()), default=0)

    # -- joining and leaving --

    def join(self, client: DaveClient) -> int:
        """After select protocol: the dave_protocol_version for op 4. Call `joined` once op 4 is out."""
        others = list(self.clients.values())
        self.clients[client.user_id] = client
        for other in others:
            other.send(CLIENTS_CONNECT, {"user_ids": [str(client.user_id)]})
        if others:
            client.send(CLIENTS_CONNECT, {"user_ids": [str(other.user_id) for other in others]})
        wanted = self._wanted_version()
        if not others:
            self.version = wanted
        elif self.version and not wanted and not any(t.downgrade for t in self._transitions.values()):
            self._downgrade()
        return min(self.version, wanted)

    def joined(self, client: DaveClient) -> None:
        """Op 4 is out: op 25 follows."""
        if min(self.version, self._wanted_version()):
            client.awaited += 1
            client.send_binary(EXTERNAL_SENDER, self._sender.package)

    def leave(self, client: DaveClient) -> None:
        """A connection ends; nothing if another one of its user has taken its place."""
        if not self._live(client):
            return
        del self.clients[client.user_id]
        for other in self.clients.values():
            other.send(CLIENT_DISCONNECT, {"user_id": str(client.user_id)})
        for number in list(self._transitions):
            self._ready(client, number)
        if not self.clients:
            self.version, self._transitions = 0, {}
            self._new_group()
        else:
            self._left(client)

    def _left(self, client: DaveClient) -> None:
        if not self.version:
            if self._wanted_version():
                self._upgrade()
        elif self.established and len(self.clients) > 1:
            self._propose()
        elif self.established:
            self._recreate()
            for last in self.clients.values():
                last.send(PREPARE_TRANSITION, {"protocol_version": self.version, "transition_id": 0})
        elif any(proposal.owner is client for proposal in self._sent.values()):
            self._recreate()  # not a revoking op 27: after one, davey commits other adds without their welcome

    # -- versions and groups --

    def _downgrade(self) -> None:
        number = self._begin([c for c in self.clients.values() if c.max_version], downgrade=True)
        for client in list(self._transitions[number].waiting):
            client.send(PREPARE_TRANSITION, {"protocol_version": 0, "transition_id": number})

    def _upgrade(self) -> None:
        self.version = self._wanted_version()
        self.upgrading = True
        self._recreate()

    def _recreate(self) -> None:
        """Op 24 with epoch 1: everybody drops the group and sends a new key package."""
        self._new_group()
        for client in self.clients.values():
            client.key_package = None
            client.awaited += 1
            client.send(PREPARE_EPOCH, {"protocol_version": self.version, "epoch": 1})
            client.send_binary(EXTERNAL_SENDER, self._sender.package)

    def _begin(self, waiting: Iterable[DaveClient], *, downgrade: bool = False) -> int:
        number = self._next_transition
        self._next_transition = number % 0xFFFF + 1
        self._transitions[number] = Transition(downgrade, set(waiting))
        return number

    # -- what clients send --

    def take(self, client: DaveClient, op: int, data: Any) -> None:
        """Ops 23 and 31."""
        if not self._live(client):
            return
        number = data["transition_id"]
        self._ready(client, number)
        if op == INVALID_COMMIT:  # its leaf goes out, and it comes in anew with the key package that follows
            self.invalid.append((client.user_id, number))
            client.awaited += 1
            client.key_package = None
            self._disown(client)

    def take_binary(self, client: DaveClient, data: bytes) -> None:
        """Ops 26 and 28. Raises ValueError for what a client never sends."""
        if self._live(client) and data[0] == KEY_PACKAGE:
            self._key_package(client, data[1:])
        elif self._live(client) and data[0] == COMMIT_WELCOME:
            self._commit(client, read_commit(data[1:]))

    def _disown(self, client: DaveClient) -> None:
        """Its leaf belongs to nobody who is live, so that it is removed."""
        self._leaves = [replace(client) if leaf is client else leaf for leaf in self._leaves]

    def _key_package(self, client: DaveClient, data: bytes) -> None:
        package = read_key_package(data)
        if (package.user_id, package.suite, package.lifetime) != (client.user_id, SUITE, FOR_EVER):
            raise ValueError("unacceptable key package")
        client.awaited -= 1
        if client.awaited > 0 or not self.version:
            return  # an op 24 is on its way to this client: it has thrown this one away
        client.key_package = data
        if self.established:
            self._propose()
            return
        others = [other for other in self.clients.values() if other is not client and other.key_package]
        already = list(self._sent.values())
        self._send([self._sender.add(self.channel_id, 0, client, data)], others)
        self._send(already, [client])

    def _send(self, proposals: list[Proposal[DaveClient]], clients: Iterable[DaveClient]) -> None:
        self._sent.update({proposal.ref: proposal for proposal in proposals})
        for client in clients if proposals else ():
            client.send_binary(PROPOSALS, appended(proposals))

    def _propose(self) -> None:
        """In an established group: all that is due, one batch an epoch, to its live members."""
        live = [leaf for leaf in self._leaves if leaf and self._live(leaf)]
        if not live:
            self._recreate()
            return
        if self._sent:
            return
        where = (self.channel_id, self.epoch)
        gone = [(leaf, c) for leaf, c in enumerate(self._leaves) if c and not self._live(c)]
        new = [(c, c.key_package) for c in self.clients.values() if c.key_package and c not in live]
        batch = [self._sender.remove(*where, owner, leaf) for leaf, owner in gone]
        self._send(batch + [self._sender.add(*where, owner, package) for owner, package in new], live)

    def _commit(self, client: DaveClient, commit: Commit) -> None:
        """The first commit about all proposals of this epoch is taken; later ones are not answered."""
        if not self._acceptable(client, commit):
            return
        adds = [self._sent[ref] for ref in commit.refs if self._sent[ref].kind == ADD]
        stay = self._regroup(client, commit, adds)
        self.epoch, self.established, self._sent = self.epoch + 1, True, {}
        new = [p for p in adds if self._live(p.owner) and p.owner.key_package == p.key_package]
        prefix = struct.pack(">H", self._begin([*stay, *(p.owner for p in new)]))
        for member in stay:
            member.send_binary(ANNOUNCE_COMMIT, prefix + commit.message)
        for proposal in new:
            proposal.owner.key_package = None
            proposal.owner.send_binary(WELCOME, prefix + welcome_for(commit.welcome, proposal.key_package))
        for proposal in adds:
            if proposal not in new and self._live(proposal.owner):
                self._disown(proposal.owner)  # its key package was replaced meanwhile: out and in again
        self._propose()

    def _acceptable(self, client: DaveClient, commit: Commit) -> bool:
        wanted = {ref for ref, p in self._sent.items() if self.established or p.owner is not client}
        adds = any(self._sent[ref].kind == ADD for ref in wanted)
        ours = (commit.group, commit.epoch) == (self.channel_id, self.epoch)
        whole = bool(wanted) and set(commit.refs) == wanted and not commit.by_value
        placed = not self.established or (client in self._leaves and self._leaves.index(client) == commit.sender_leaf)
        return ours and whole and placed and bool(commit.welcome or not adds)

    def _regroup(self, client: DaveClient, commit: Commit, adds: list[Proposal[DaveClient]]) -> list[DaveClient]:
        """Apply a commit to the leaves: removes, then adds, each at the leftmost blank. Returns who stays."""
        if not self.established:
            self._leaves = [client]
        for proposal in (self._sent[ref] for ref in commit.refs):
            if proposal.kind == REMOVE:
                self._leaves[proposal.leaf] = None
        while self._leaves[-1] is None:
            self._leaves.pop()
        stay = [leaf for leaf in self._leaves if leaf and self._live(leaf)]
        for proposal in adds:
            if None in self._leaves:
                self._leaves[self._leaves.index(None)] = proposal.owner
            else:
                self._leaves.append(proposal.owner)
        return stay

    def _ready(self, client: DaveClient, number: int) -> None:
        transition = self._transitions.get(number)
        if transition:
            transition.waiting.discard(client)
            if not transition.waiting and not self.hold_execute:
                self.execute(number)

    def execute(self, number: int) -> None:
        """Op 22: the transition happens."""
        transition = self._transitions.pop(number)
        self.upgrading = False
        if transition.downgrade:
            self.version = 0
            self._new_group()
        for client in self.clients.values():
            if client.max_version:
                client.send(EXECUTE_TRANSITION, {"transition_id": number})
        if transition.downgrade and self._wanted_version():
            self._upgrade()  # the old client has left in the meantime
