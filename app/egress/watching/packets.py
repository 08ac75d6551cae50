"""What leaves the interfaces (packet(7)): beginnings of TCP connections, and every packet of other protocols."""

import ctypes
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import msgspec

from app.egress.watching.sockets import plain

_EVERYTHING = 3
_OUTGOING = 4
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP, _ICMP6 = 6, 17, 58
_SYN, _ACK = 0x02, 0x10
_HEADERS = (0, 43, 60)
"""IPv6: hop-by-hop, routing, destination options (RFC 8200)."""
_NEIGHBOURS = range(130, 138)
_REPORTS = 143
_SOL_PACKET, _STATISTICS = 263, 6
_ATTACH_FILTER = 26
_ANCILLARY = 0xFFFFF000
_SNAP = 256
_ROOM = 16 * 1024 * 1024
_NAMES = {_TCP: "tcp", _UDP: "udp", 1: "icmp", _ICMP6: "icmp"}


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a connection, or a packet without one. Ports are 0 where there are none."""

    transport: str
    source: str
    source_port: int
    target: str
    target_port: int


class Capture:
    """Sees the packets of all interfaces of this network inside the block; PermissionError without CAP_NET_RAW."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERYTHING))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        self._keep_outgoing()
        self._socket.setblocking(False)
        self.seen = 0
        self.lost = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def _keep_outgoing(self) -> None:
        """Let the kernel pass over what arrives and what stays on the loopback (SO_ATTACH_FILTER)."""
        lines = [
            (0x20, 0, 0, _ANCILLARY + 4), (0x15, 1, 0, _OUTGOING), (0x06, 0, 0, 0),
            (0x20, 0, 0, _ANCILLARY + 8), (0x15, 0, 1, socket.if_nametoindex("lo")), (0x06, 0, 0, 0),
            (0x06, 0, 0, _SNAP),
        ]  # fmt: skip
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
        self._socket.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HxxxxxxP", len(lines), ctypes.addressof(code))
        )

    def outgoing(self) -> Iterator[Packet]:
        """What has left since the last call."""
        while True:
            try:
                data, (interface, protocol, kind, _, _) = self._socket.recvfrom(_SNAP)
            except BlockingIOError:
                break
            self.seen += 1
            if kind == _OUTGOING and interface != "lo":
                found = parse(data, protocol)
                if found is not None:
                    yield found
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        self.lost += dropped


def parse(data: bytes, protocol: int) -> Packet | None:
    """Of an IP packet what matters here; None for the rest of a connection and for the kernel's own housekeeping."""
    if protocol == _IPV4 and len(data) >= 20:
        kind, head = data[9], (data[0] & 0xF) * 4
        source, target = data[12:16], data[16:20]
        first = not struct.unpack("!H", data[6:8])[0] & 0x1FFF
    elif protocol == _IPV6 and len(data) >= 40:
        kind, head = _beyond(data)
        source, target, first = data[8:24], data[24:40], True
    else:
        return None
    rest = data[head:] if first else b""
    if not _counts(kind, rest):
        return None
    ports = struct.unpack("!HH", rest[:4]) if kind in (_TCP, _UDP) and len(rest) >= 4 else (0, 0)
    return Packet(
        transport=_NAMES.get(kind, str(kind)),
        source=plain(source),
        source_port=ports[0],
        target=plain(target),
        target_port=ports[1],
    )


def _counts(kind: int, rest: bytes) -> bool:
    if kind == _TCP:
        return len(rest) >= 14 and rest[13] & (_SYN | _ACK) == _SYN
    if kind == _ICMP6 and rest:
        return rest[0] not in _NEIGHBOURS and rest[0] != _REPORTS
    return True


def _beyond(data: bytes) -> tuple[int, int]:
    """The protocol behind IPv6's extension headers, and where it begins."""
    kind, head = data[6], 40
    while kind in _HEADERS and len(data) >= head + 8:
        kind, head = data[head], head + (data[head + 1] + 1) * 8
    return kind, head
