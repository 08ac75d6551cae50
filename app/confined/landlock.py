"""Which files a program may reach, whether TCP, whom it may signal: Landlock (landlock(7)), as far as the kernel has it."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from app.confined import kernel

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_BENEATH, _NET_PORT = 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_FILE_BITS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT, _SCOPE_SIGNAL = 1, 2
# Number of file rights that each version of the interface knows.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def version() -> int:
    """The kernel's interface version; 0 without Landlock, or where it is switched off."""
    try:
        return kernel.syscall(_CREATE, 0, 0, 1)
    except OSError:
        return 0


def restrict(
    abi: int, *, read: list[str], write: list[str], tcp: bool, port: int = 0, scope: bool = True
) -> None:
    """Allow nothing but this from now on; `tcp` leaves TCP to others to restrict, else only `port` may be served."""
    every = (1 << _RIGHTS.get(abi, 16)) - 1
    net = _BIND_TCP | _CONNECT_TCP if abi >= 4 and not tcp else 0
    scoped = _SCOPE_ABSTRACT | _SCOPE_SIGNAL if abi >= 6 and scope else 0
    attributes = struct.pack("=QQQ", every, net, scoped)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = kernel.syscall(
        _CREATE, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0
    )
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for path in read:
        _allow(ruleset, path, reading & every)
    for path in write:
        _allow(ruleset, path, every & ~_IOCTL_DEV)
    for path in DEVICES:
        _allow(ruleset, path, (_READ_FILE | _WRITE_FILE) & every)
    if net and port:
        rule = ctypes.create_string_buffer(struct.pack("=QQ", _BIND_TCP, port), 16)
        kernel.syscall(_ADD, ruleset, _NET_PORT, rule, 0)
    kernel.syscall(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def hold_ports(ports: Iterable[int]) -> None:
    """No TCP connection but to these ports from now on, for this thread and all that it makes; files are left alone.

    Needs version 4 and no_new_privs. Addresses cannot be named.
    """
    attributes = ctypes.create_string_buffer(struct.pack("=QQ", 0, _CONNECT_TCP), 16)
    ruleset = kernel.syscall(_CREATE, attributes, 16, 0)
    for port in ports:
        rule = ctypes.create_string_buffer(struct.pack("=QQ", _CONNECT_TCP, port), 16)
        kernel.syscall(_ADD, ruleset, _NET_PORT, rule, 0)
    kernel.syscall(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Paths that are not there need no rule."""
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(found).st_mode):
            rights &= _FILE_BITS
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, found), 12)
        kernel.syscall(_ADD, ruleset, _BENEATH, rule, 0)
    finally:
        os.close(found)
