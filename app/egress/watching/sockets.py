"""The sockets of processes: /proc/PID/net/tcp and its like (proc(5)), with owners by inode."""

import ipaddress
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

_TABLES = (
    ("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6"), ("udp", "udplite"), ("udp", "udplite6"),
    ("raw", "raw"), ("raw", "raw6"), ("icmp", "icmp"), ("icmp", "icmp6"),
)  # fmt: skip
_LISTEN = 0x0A
_LARGEST = 16 * 1024 * 1024


class Socket(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a table. `peer` is empty for a socket without one."""

    transport: str
    local: str
    local_port: int
    peer: str
    peer_port: int
    listening: bool
    uid: int
    inode: int


def table(pid: int | str) -> list[Socket]:
    """All internet sockets of this process's network namespace."""
    found: list[Socket] = []
    for transport, name in _TABLES:
        try:
            with Path(f"/proc/{pid}/net/{name}").open(encoding="ascii") as file:
                found += parse(file.read(_LARGEST), transport=transport)
        except OSError:
            continue
    return found


def parse(text: str, *, transport: str) -> Iterator[Socket]:
    """The lines of one table; what does not look like one is passed over."""
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            local, local_port = _endpoint(words[1])
            peer, peer_port = _endpoint(words[2])
            state, uid, inode = int(words[3], 16), int(words[7]), int(words[9])
        except (IndexError, ValueError):
            continue
        without = ipaddress.ip_address(peer).is_unspecified
        yield Socket(
            transport=transport,
            local=local,
            local_port=local_port,
            peer="" if without else peer,
            peer_port=peer_port,
            listening=transport == "tcp" and state == _LISTEN,
            uid=uid,
            inode=inode,
        )


def inodes(pid: int) -> set[int]:
    """Numbers of all sockets that a process holds open; empty when it may not be looked at."""
    found: set[int] = set()
    try:
        names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - names only
    except OSError:
        return found
    for name in names:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")  # noqa: PTH115 - no path, a name
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


def _endpoint(text: str) -> tuple[str, int]:
    """`0100007F:1F90`: the address in words of the host's byte order, the port in the network's."""
    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    if sys.byteorder == "little":
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return plain(raw), int(port, 16)


def plain(raw: bytes) -> str:
    """An address as people write it; an IPv4 one inside IPv6 as IPv4."""
    parsed = ipaddress.ip_address(raw)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
