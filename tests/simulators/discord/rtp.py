"""The voice server's UDP port: IP discovery, RTP packets decrypted with their keys, kernel receive times.

Sources: discord-api-docs, topics/voice-connections.md; RFC 3550.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import Protocol

import nacl.bindings
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.exceptions import CryptoError

from tests.simulators.discord.listening import Packet

GCM, XCHACHA = "aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"
MODES = (GCM, XCHACHA)
HEADER = struct.Struct(">BBHII")
DISCOVERY = 74
SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("qq")
ANCILLARY = socket.CMSG_SPACE(TIMESPEC.size)
RECEIVE_BUFFER = 8 * 1024 * 1024


def decrypt_gcm(key: bytes) -> Callable[[bytes], bytes]:
    """The decryption of packets under this key by AES-256-GCM."""
    cipher = AESGCM(key)
    return lambda packet: cipher.decrypt(packet[-4:] + bytes(8), packet[12:-4], packet[:12])


def decrypt_xchacha(key: bytes) -> Callable[[bytes], bytes]:
    """The same by XChaCha20-Poly1305."""
    decrypt = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt
    return lambda packet: decrypt(packet[12:-4], packet[:12], packet[-4:] + bytes(20), key)


CIPHERS = {GCM: decrypt_gcm, XCHACHA: decrypt_xchacha}


class Receiver(Protocol):
    """Who sends under an SSRC."""

    decrypt: Callable[[bytes], bytes] | None
    nonces: set[bytes]

    def receive(self, packet: Packet) -> None: ...


class RtpSocket:
    """One UDP port for all connections, told apart by SSRC."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail
        self.by_ssrc: dict[int, Receiver] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        """Take all that has arrived; the kernel's clock is turned into the monotonic one."""
        offset = time.time() - time.monotonic()
        while True:
            try:
                data, ancillary, _, address = self._socket.recvmsg(2048, ANCILLARY)
            except BlockingIOError:
                return
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            self._take(data, address, seconds + nanoseconds / 1e9 - offset)

    def _take(self, data: bytes, address: tuple[str, int], at: float) -> None:
        if len(data) == 8:
            return  # a keep-alive
        if len(data) == DISCOVERY and data[:4] == b"\0\1\0\x46":
            self._discover(data, address)
        elif len(data) > HEADER.size + 20:
            self._packet(data, at)
        else:
            self._fail(f"voice UDP: {len(data)} bytes that are no packet")

    def _discover(self, data: bytes, address: tuple[str, int]) -> None:
        (ssrc,) = struct.unpack_from(">I", data, 4)
        if ssrc not in self.by_ssrc:
            self._fail(f"voice UDP: IP discovery for the unknown SSRC {ssrc}")
            return
        answer = struct.pack(">HHI64sH", 2, 70, ssrc, address[0].encode(), address[1])
        self._socket.sendto(answer, address)

    def _packet(self, data: bytes, at: float) -> None:
        version, kind, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        sender = self.by_ssrc.get(ssrc)
        if (version, kind) != (0x80, 0x78) or sender is None or sender.decrypt is None:
            self._fail(f"voice UDP: packet {version:#x} {kind:#x} of SSRC {ssrc}, which has no key")
            return
        try:
            opus = sender.decrypt(data)
        except (InvalidTag, CryptoError):
            self._fail(f"voice UDP: packet {sequence} of SSRC {ssrc} has a wrong tag")
            return
        if data[-4:] in sender.nonces:
            self._fail(f"voice UDP: packet {sequence} of SSRC {ssrc} repeats a nonce")
        sender.nonces.add(data[-4:])
        sender.receive(Packet(at, sequence, timestamp, ssrc, opus))
