"""Which system calls a program may make (seccomp(2)): a list of what no tool server needs, refused with an error.

Refused are the ways to look into or steer other processes, to change mounts and namespaces, to load code into the
kernel, and sockets of families that a network namespace does not hold. io_uring is refused because what goes through
it is not seen here.
"""

import ctypes
import struct

from app.confined import kernel

_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_LOAD, _AND, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_ANY, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
_NEW_NAMESPACES = 0x7E020000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_KIND, _STREAM = 0xF, 1
_FILTER_MODE = 2

# name: x86_64, aarch64 (-1: not there)
_REFUSED = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "chroot": (161, 51),
    "clock_adjtime": (305, 266), "clock_settime": (227, 112), "delete_module": (176, 106),
    "finit_module": (313, 273), "fsconfig": (431, 431), "fsmount": (432, 432), "fsopen": (430, 430),
    "fspick": (433, 433), "init_module": (175, 105), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioperm": (173, -1), "iopl": (172, -1),
    "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219),
    "lookup_dcookie": (212, 18), "modify_ldt": (154, -1), "mount": (165, 40), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "open_tree": (428, 428), "open_tree_attr": (467, 467), "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438), "pivot_root": (155, 41), "process_madvise": (440, 440),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "quotactl": (179, 60), "reboot": (169, 142), "request_key": (249, 218), "setdomainname": (171, 162),
    "sethostname": (170, 161), "setns": (308, 268), "settimeofday": (164, 170), "swapoff": (168, 225),
    "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97),
    "userfaultfd": (323, 282), "vhangup": (153, 58),
}  # fmt: skip
_LEAVE_GROUP = ((112, 157), (109, 154))
"""setsid and setpgid."""
_CLONE, _CLONE3, _SOCKET, _IOCTL = (56, 220), (435, 435), (41, 198), (16, 29)


def supported(machine: str) -> bool:
    """Whether the numbers of this machine are known here."""
    return machine in _ARCH


def families(*, unix: bool, internet: bool, streams: bool = False) -> list[int]:
    """Kinds of sockets that may be made; `streams`: of internet ones TCP only."""
    found = [_INET, _INET6, *([] if streams else [_NETLINK])] if internet else []
    return [*([_UNIX] if unix else []), *found]


def program(machine: str, *, sockets: list[int], grouped: bool = False, streams: bool = False) -> bytes:
    """The filter: a wrong architecture is ended, a refused call fails with a plain error number.

    `grouped` keeps all that comes from the program in its process group, where one signal ends everything.
    `streams` allows TCP only, whose ports Landlock can hold.
    """
    column = 0 if machine == "x86_64" else 1
    lines = [_line(_LOAD, _ARCHITECTURE), _line(_JUMP_EQUAL, _ARCH[machine], 1, 0), _line(_RETURN, _KILL)]
    lines.append(_line(_LOAD, _NUMBER))
    if machine == "x86_64":
        lines += [_line(_JUMP_GREATER, _X32, 0, 1), _fail(_ENOSYS)]
    for numbers in (*_REFUSED.values(), *(_LEAVE_GROUP if grouped else ())):
        if numbers[column] >= 0:
            lines += [_line(_JUMP_EQUAL, numbers[column], 0, 1), _fail(_EPERM)]
    # The kernel's own libraries fall back to clone, whose flags can be looked at.
    lines += [_line(_JUMP_EQUAL, _CLONE3[column], 0, 1), _fail(_ENOSYS)]
    lines += _when(
        _CLONE[column], [_line(_LOAD, _FIRST), _line(_JUMP_ANY, _NEW_NAMESPACES, 0, 1), _fail(_EPERM)]
    )
    typed = [_line(_JUMP_EQUAL, code, 0, 1) + _fail(_EPERM) for code in (_TIOCSTI, _TIOCLINUX)]
    lines += _when(_IOCTL[column], [_line(_LOAD, _SECOND), *_split(b"".join(typed))])
    lines += _when(_SOCKET[column], [*(_streams() if streams else ()), *_sockets(sockets)])
    lines.append(_line(_RETURN, _ALLOW))
    return b"".join(lines)


def install(program_bytes: bytes) -> None:
    """Let it hold for this process and all that come from it; needs no_new_privs."""
    code = ctypes.create_string_buffer(program_bytes, len(program_bytes))
    head = struct.pack("@HxxxxxxP", len(program_bytes) // 8, ctypes.addressof(code))
    block = ctypes.create_string_buffer(head, len(head))
    kernel.prctl(kernel.SECCOMP, _FILTER_MODE, ctypes.addressof(block))


def _streams() -> list[bytes]:
    """Refuse every kind but streams."""
    return [
        _line(_LOAD, _SECOND),
        _line(_AND, _KIND),
        _line(_JUMP_EQUAL, _STREAM, 1, 0),
        _fail(_EAFNOSUPPORT),
    ]


def _sockets(allowed: list[int]) -> list[bytes]:
    """Only these families."""
    lines = [_line(_LOAD, _FIRST)]
    for family in allowed:
        lines += [_line(_JUMP_EQUAL, family, 0, 1), _line(_RETURN, _ALLOW)]
    return [*lines, _fail(_EAFNOSUPPORT)]


def _when(number: int, lines: list[bytes]) -> list[bytes]:
    """Run these for one system call, and allow it after them."""
    return [_line(_JUMP_EQUAL, number, 0, len(lines) + 1), *lines, _line(_RETURN, _ALLOW)]


def _split(code: bytes) -> list[bytes]:
    return [code[start : start + 8] for start in range(0, len(code), 8)]


def _line(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, value)


def _fail(number: int) -> bytes:
    return _line(_RETURN, _ERRNO | number)
