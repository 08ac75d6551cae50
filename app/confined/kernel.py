"""System calls that Python has no name for (prctl(2), unshare(2), mount(2), capset(2), clone(2) and raw ones)."""

import contextlib
import ctypes
import os
import signal
import struct

PDEATHSIG, DUMPABLE, SECCOMP, CAPBSET_DROP, NO_NEW_PRIVS, CAP_AMBIENT = 1, 4, 22, 24, 38, 47
_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_CLONE_PARENT = 0x8000
_MACHINE = os.uname().machine
SYS_CLONE = {"x86_64": 56, "aarch64": 220}.get(_MACHINE, -1)

# PyDLL keeps the interpreter's lock over a call: after a raw clone nobody else could give it back.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def syscall(number: int, *arguments: "int | ctypes.Array[ctypes.c_char] | None") -> int:
    """Any system call by its number; OSError as the kernel says."""
    given = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *given))


def prctl(option: int, value: int = 0, third: int = 0) -> int:
    """prctl(2)."""
    return _checked(
        _libc.prctl(
            ctypes.c_int(option),
            ctypes.c_ulong(value),
            ctypes.c_ulong(third),
            ctypes.c_ulong(0),
            ctypes.c_ulong(0),
        )
    )


def unshare(flags: int) -> None:
    """unshare(2)."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    texts = [ctypes.c_char_p(text.encode()) for text in (source, target, kind)]
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), ctypes.c_char_p(data.encode()) if data else None))


def drop_bounding_set() -> None:
    """Take every capability out of what any later program could gain; without effect for who may not."""
    for number in range(64):
        try:
            prctl(CAPBSET_DROP, number)
        except OSError:
            return


def drop_capabilities() -> None:
    """Give up all capabilities, ambient ones included."""
    with contextlib.suppress(OSError):  # a kernel before 4.3 has no ambient ones
        prctl(CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    _checked(_libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", 0, 0, 0, 0, 0, 0))))


def die_with_parent() -> None:
    """SIGKILL when whoever started us ends; forgotten at each fork and change of user, so said again there."""
    prctl(PDEATHSIG, signal.SIGKILL)


def fork_beside() -> int:
    """fork(2) with CLONE_PARENT: the child is our parent's, who alone can wait for it."""
    return syscall(SYS_CLONE, _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
