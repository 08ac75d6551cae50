"""Become a program on a host that forbids something: `python -m tests.frozen.forbidding WHAT … -- COMMAND …`.

`user=N`           leave root first
`namespaces`       no new namespaces, mounts or the like (seccomp), as where they are switched off
`programs=A:B`     the kernel runs programs only from these folders and files (Landlock), as fapolicyd or SELinux would
"""

import ctypes
import os
import platform
import struct
import sys

from app.confined import kernel, seccomp

_CREATE_RULESET, _ADD_RULE, _RESTRICT = 444, 445, 446
_BENEATH, _EXECUTE = 1, 1
_INTERNET = [1, 2, 10, 16]


def main(arguments: list[str]) -> None:
    """Forbid, then become the command."""
    end = arguments.index("--")
    for what in arguments[:end]:
        name, _, value = what.partition("=")
        if name == "user":
            os.setgroups([])
            os.setresgid(int(value), int(value), int(value))
            os.setresuid(int(value), int(value), int(value))
        elif name == "namespaces":
            kernel.prctl(kernel.NO_NEW_PRIVS, 1)
            seccomp.install(seccomp.program(platform.machine(), sockets=_INTERNET))
        elif name == "programs":
            kernel.prctl(kernel.NO_NEW_PRIVS, 1)
            _run_only(value.split(":"))
    os.execv(arguments[end + 1], arguments[end + 1 :])


def _run_only(paths: list[str]) -> None:
    attributes = struct.pack("=Q", _EXECUTE)
    rules = kernel.syscall(
        _CREATE_RULESET, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0
    )
    for path in paths:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = ctypes.create_string_buffer(struct.pack("=Qi", _EXECUTE, place), 12)
        kernel.syscall(_ADD_RULE, rules, _BENEATH, rule, 0)
    kernel.syscall(_RESTRICT, rules, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
