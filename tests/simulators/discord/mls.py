"""The wire encoding of MLS as DAVE version 1 uses it: what a delivery service must read, sign and cut.

Sources: RFC 9420; daveprotocol.com; opcodes 25 to 30. Integers are big-endian.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MLS10, PUBLIC_MESSAGE, SUITE = 1, 1, 2  # DHKEMP256_AES128GCM_SHA256_P256
MEMBER, EXTERNAL = 1, 2  # SenderType
PROPOSAL, COMMIT = 2, 3  # ContentType
ADD, REMOVE = 1, 3  # ProposalType
BY_REFERENCE = 2  # ProposalOrRefType
FOR_EVER = (0, 2**64 - 1)
IDENTITY = b"\0"  # the real gateway's too

OwnerT = TypeVar("OwnerT")


def vector(data: bytes) -> bytes:
    """opaque data<V>: the variable length of RFC 9420 §2.1.2, then the bytes."""
    size = len(data)
    if size < 1 << 6:
        return bytes([size]) + data
    if size < 1 << 14:
        return struct.pack(">H", 0x4000 | size) + data
    return struct.pack(">I", 0x80000000 | size) + data


class Reader:
    """Reads from the front; ValueError when there is not enough."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError("truncated")
        self.at += size
        return self.data[self.at - size : self.at]

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self) -> bytes:
        first = self.integer(1)
        more = (1 << (first >> 6)) - 1
        if more == 7:
            raise ValueError("a vector's length has at most four bytes")
        size = first & 0x3F
        for _ in range(more):
            size = size << 8 | self.integer(1)
        return self.take(size)

    def skip_vectors(self, count: int) -> None:
        for _ in range(count):
            self.vector()


def reference(label: str, value: bytes) -> bytes:
    """RefHash (RFC 9420 §5.2) of a proposal or a key package."""
    return hashlib.sha256(vector(f"MLS 1.0 {label} Reference".encode()) + vector(value)).digest()


def signed_content(label: str, content: bytes) -> bytes:
    return vector(f"MLS 1.0 {label}".encode()) + vector(content)


@dataclass(frozen=True)
class Proposal(Generic[OwnerT]):
    """A signed proposal to add (with its key package) or remove (at its leaf) somebody."""

    owner: OwnerT
    kind: int
    message: bytes
    ref: bytes
    key_package: bytes = b""
    leaf: int = -1


class ExternalSender:
    """The voice gateway as external sender number 0 of a group."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.package = vector(point) + struct.pack(">H", 1) + vector(IDENTITY)  # the body of op 25

    def add(self, group: int, epoch: int, owner: OwnerT, key_package: bytes) -> Proposal[OwnerT]:
        message, ref = self._sign(group, epoch, struct.pack(">H", ADD) + key_package)
        return Proposal(owner, ADD, message, ref, key_package=key_package)

    def remove(self, group: int, epoch: int, owner: OwnerT, leaf: int) -> Proposal[OwnerT]:
        message, ref = self._sign(group, epoch, struct.pack(">HI", REMOVE, leaf))
        return Proposal(owner, REMOVE, message, ref, leaf=leaf)

    def _sign(self, group: int, epoch: int, proposal: bytes) -> tuple[bytes, bytes]:
        """MLSMessage(PublicMessage) without a GroupContext, and its ProposalRef."""
        sender = struct.pack(">BI", EXTERNAL, 0)
        framed = vector(struct.pack(">Q", group)) + struct.pack(">Q", epoch) + sender + vector(b"")
        content = framed + bytes([PROPOSAL]) + proposal
        unsigned = struct.pack(">HH", MLS10, PUBLIC_MESSAGE) + content
        signature = self._key.sign(signed_content("FramedContentTBS", unsigned), ec.ECDSA(hashes.SHA256()))
        auth = vector(signature)
        return unsigned + auth, reference("Proposal", struct.pack(">H", PUBLIC_MESSAGE) + content + auth)


def appended(proposals: Sequence[Proposal[OwnerT]]) -> bytes:
    """The body of an op 27 that adds proposals."""
    return b"\0" + vector(b"".join(proposal.message for proposal in proposals))


@dataclass(frozen=True)
class KeyPackage:
    """What a delivery service checks of op 26."""

    suite: int
    user_id: int
    lifetime: tuple[int, int] | None


def read_key_package(data: bytes) -> KeyPackage:
    """A bare KeyPackage, its signature verified. Raises ValueError or InvalidSignature."""
    reader = Reader(data)
    _version, suite = reader.integer(2), reader.integer(2)
    reader.vector()  # init_key
    leaf = _leaf_node(reader)
    reader.vector()  # extensions
    content = data[: reader.at]
    signature = reader.vector()
    if reader.left:
        raise ValueError("bytes after the key package")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), leaf.signature_key)
    public.verify(signature, signed_content("KeyPackageTBS", content), ec.ECDSA(hashes.SHA256()))
    return KeyPackage(suite, int.from_bytes(leaf.identity, "big"), leaf.lifetime)


@dataclass(frozen=True)
class _LeafNode:
    signature_key: bytes
    identity: bytes
    lifetime: tuple[int, int] | None


def _leaf_node(reader: Reader) -> _LeafNode:
    reader.vector()  # encryption_key
    signature_key = reader.vector()
    reader.take(2)  # credential type
    identity = reader.vector()
    reader.skip_vectors(5)  # capabilities
    source = reader.integer(1)
    lifetime = (reader.integer(8), reader.integer(8)) if source == 1 else None
    reader.skip_vectors(3 if source == 3 else 2)  # parent_hash of a commit; extensions; signature
    return _LeafNode(signature_key, identity, lifetime)


@dataclass(frozen=True)
class Commit:
    """Op 28 taken apart: the commit to pass on in op 29, and the Welcome (empty when nobody is added)."""

    message: bytes
    welcome: bytes
    group: int
    epoch: int
    sender_leaf: int
    refs: list[bytes]
    by_value: bool


def read_commit(data: bytes) -> Commit:
    """MLSMessage(commit) with the Welcome right behind it, no length between. Raises ValueError."""
    reader = Reader(data)
    if (reader.integer(2), reader.integer(2)) != (MLS10, PUBLIC_MESSAGE):
        raise ValueError("not a PublicMessage")
    group, epoch = int.from_bytes(reader.vector(), "big"), reader.integer(8)
    if reader.integer(1) != MEMBER:
        raise ValueError("the commit is not a member's")
    sender = reader.integer(4)
    reader.vector()  # authenticated_data
    if reader.integer(1) != COMMIT:
        raise ValueError("not a commit")
    refs, by_value = _proposals(Reader(reader.vector()))
    if reader.integer(1):  # an update path
        _leaf_node(reader)
        reader.vector()
    reader.skip_vectors(3)  # signature, confirmation_tag, membership_tag
    return Commit(data[: reader.at], data[reader.at :], group, epoch, sender, refs, by_value)


def _proposals(reader: Reader) -> tuple[list[bytes], bool]:
    refs: list[bytes] = []
    while reader.left:
        if reader.integer(1) != BY_REFERENCE:
            return refs, True
        refs.append(reader.vector())
    return refs, False


def welcome_for(welcome: bytes, key_package: bytes) -> bytes:
    """The Welcome with the secrets of one new member alone, as op 30 carries it. Raises ValueError."""
    reader = Reader(welcome)
    suite, secrets = reader.take(2), Reader(reader.vector())
    info, wanted = reader.vector(), reference("KeyPackage", key_package)
    while secrets.left:
        start = secrets.at
        found = secrets.vector()
        secrets.skip_vectors(2)  # HPKECiphertext: kem_output, ciphertext
        if found == wanted:
            return suite + vector(secrets.data[start : secrets.at]) + vector(info)
    raise ValueError("no secrets for that key package")
