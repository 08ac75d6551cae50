"""Where Sallyport's own process may connect to: TCP ports by Landlock, kinds of sockets by seccomp (seccomp(2)).

Both hold for the thread that asks and for everything made from it afterwards, libpq and extensions included. Landlock
knows ports and no addresses; which address is asked for is the guard's and the site's packet filter's affair.
"""

import os
import struct
from collections.abc import Iterable

from app.confined import kernel, landlock, seccomp

_LOAD, _EQUAL, _SET, _AND, _RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT, _EOPNOTSUPP = 1, 38, 97, 95
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENT = (16, 24, 32, 40)
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_STREAM, _DATAGRAM, _KIND = 1, 2, 0xF
_TCP, _UDP = 6, 17
_FASTOPEN = 0x20000000
"""MSG_FASTOPEN, which connects without connect(2)."""
_SOCKET = (41, 198)
_SENDING = (((44, 206), 3), ((46, 211), 2), ((307, 269), 3))
"""sendto, sendmsg, sendmmsg, and which argument holds the flags."""
_RING = (425, 426, 427)
_CPU = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000


def hold(ports: Iterable[int], *, datagrams: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Hold this thread to these ports and to TCP; what came about and what did not, each with how or why.

    `datagrams` leaves UDP, which the resolver needs. Later calls can only take more away.
    """
    on: dict[str, str] = {}
    off: dict[str, str] = {}
    try:
        kernel.prctl(kernel.NO_NEW_PRIVS, 1)
        _hold_ports(sorted(set(ports)), on, off)
        _hold_sockets(on, off, datagrams=datagrams)
    except OSError as error:
        for measure in ("ports", "sockets", "datagrams"):
            if measure not in on:
                off[measure] = f"the kernel refuses it ({error.strerror})"
    return on, off


def _hold_ports(ports: list[int], on: dict[str, str], off: dict[str, str]) -> None:
    version = landlock.version()
    if version < 4:
        off["ports"] = f"Landlock {version} of this kernel does not know TCP" if version else "no Landlock"
        return
    landlock.hold_ports(ports)
    on["ports"] = f"Landlock {version}: TCP to {', '.join(map(str, ports)) or 'no port at all'}"


def _hold_sockets(on: dict[str, str], off: dict[str, str], *, datagrams: bool) -> None:
    machine = os.uname().machine
    if machine not in _CPU:
        off["sockets"] = off["datagrams"] = f"the system calls of {machine} are not known"
        return
    seccomp.install(program(machine, datagrams=datagrams))
    on["sockets"] = "seccomp: no raw, packet, vsock or other sockets, no io_uring"
    if datagrams:
        off["datagrams"] = "a destination is a name, and the resolver needs UDP"
    else:
        on["datagrams"] = "seccomp: no UDP, so no question to a name server"


def program(machine: str, *, datagrams: bool) -> bytes:
    """The filter: TCP, unix and netlink sockets can be made, and UDP with `datagrams`; all else fails with a number."""
    column = 0 if machine == "x86_64" else 1
    lines = [_line(_LOAD, _ARCHITECTURE), _line(_EQUAL, _CPU[machine], 1, 0), _line(_RETURN, _KILL)]
    lines.append(_line(_LOAD, _NUMBER))
    if machine == "x86_64":
        lines += [_line(0x35, _X32, 0, 1), _fail(_ENOSYS)]
    for number in _RING:
        lines += [_line(_EQUAL, number, 0, 1), _fail(_ENOSYS)]
    for numbers, flags in _SENDING:
        # The length of the rest of each block is what a call that is not this one jumps over.
        block = [_line(_LOAD, _ARGUMENT[flags]), _line(_SET, _FASTOPEN, 0, 1), _fail(_EOPNOTSUPP)]
        lines += _when(numbers[column], block)
    lines += _when(_SOCKET[column], _sockets(datagrams=datagrams))
    lines.append(_line(_RETURN, _ALLOW))
    return b"".join(lines)


def _sockets(*, datagrams: bool) -> list[bytes]:
    kinds = _kind(_STREAM, _TCP) + (_kind(_DATAGRAM, _UDP) if datagrams else [])
    internet = [_line(_LOAD, _ARGUMENT[1]), _line(_AND, _KIND), *kinds, _fail(_EPERM)]
    lines = [_line(_LOAD, _ARGUMENT[0])]
    for family in (_UNIX, _NETLINK):
        lines += [_line(_EQUAL, family, 0, 1), _line(_RETURN, _ALLOW)]
    lines += [_line(_EQUAL, _INET, 2, 0), _line(_EQUAL, _INET6, 1, 0), _fail(_EAFNOSUPPORT)]
    return lines + internet


def _kind(kind: int, protocol: int) -> list[bytes]:
    """Sockets of this kind, when their protocol is the usual one: neither MPTCP nor ICMP."""
    usual = [
        _line(_LOAD, _ARGUMENT[2]),
        _line(_EQUAL, 0, 1, 0),
        _line(_EQUAL, protocol, 0, 1),
        _line(_RETURN, _ALLOW),
        _fail(_EPERM),
    ]
    return [_line(_EQUAL, kind, 0, len(usual)), *usual]


def _when(number: int, lines: list[bytes]) -> list[bytes]:
    """Run these for one system call, and allow it after them."""
    return [_line(_EQUAL, number, 0, len(lines) + 1), *lines, _line(_RETURN, _ALLOW)]


def _line(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, value)


def _fail(number: int) -> bytes:
    return _line(_RETURN, _ERRNO | number)
