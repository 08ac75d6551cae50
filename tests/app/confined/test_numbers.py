"""The numbers of system calls against the kernel's own headers: the same names are refused on each machine."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.confined import seccomp

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),  # aarch64 uses the generic table unchanged
}
ONLY_X86 = {"ioperm", "iopl", "modify_ldt"}
LOAD, EQUAL, GREATER, ANY, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
ALLOW, ENDED = 0x7FFF0000, 0x80000000


def _numbers(machine: str) -> dict[str, int]:
    path = HEADERS[machine]
    if not path.exists():
        pytest.skip(f"needs the kernel's headers: {path} (Debian: linux-libc-dev)")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", path.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found}


def _answer(program: bytes, machine: str, number: int, *arguments: int) -> int:
    """What the kernel would answer: the five instructions that the filter uses, as linux/filter.h defines them."""
    padded = (*arguments, *([0] * (6 - len(arguments))))
    call = struct.pack("=iIQ6Q", number, ARCHITECTURE[machine], 0, *padded)
    lines = list(struct.iter_unpack("=HBBI", program))
    value, at = 0, 0
    while True:
        code, true, false, operand = lines[at]
        if code == RETURN:
            return operand
        if code == LOAD:
            (value,) = struct.unpack_from("=I", call, operand)
            at += 1
            continue
        met = {EQUAL: value == operand, GREATER: value >= operand, ANY: bool(value & operand)}[code]
        at += 1 + (true if met else false)


def _refused(machine: str, program: bytes) -> Iterator[str]:
    for name, number in _numbers(machine).items():
        if _answer(program, machine, number) != ALLOW:
            yield name


@pytest.mark.parametrize("grouped", [True, False])
def test_same_calls_are_refused_on_both_machines(grouped: bool) -> None:
    x86, arm = (
        set(_refused(machine, seccomp.program(machine, sockets=[1], grouped=grouped))) for machine in HEADERS
    )
    assert x86 - ONLY_X86 == arm
    assert {"ptrace", "mount", "unshare", "bpf", "clone3", "kexec_load", "pidfd_getfd"} <= arm
    assert ({"setsid", "setpgid"} <= arm) is grouped


@pytest.mark.parametrize("machine", HEADERS)
def test_everyday_calls_are_allowed(machine: str) -> None:
    numbers, program = _numbers(machine), seccomp.program(machine, sockets=[1], grouped=True)
    for name in (
        "read",
        "write",
        "openat",
        "execve",
        "mmap",
        "futex",
        "exit_group",
        "close",
        "ioctl",
        "clone",
    ):
        assert _answer(program, machine, numbers[name]) == ALLOW, name


@pytest.mark.parametrize("machine", HEADERS)
def test_arguments_are_looked_at_under_the_right_numbers(machine: str) -> None:
    numbers, program = _numbers(machine), seccomp.program(machine, sockets=[1])
    new_user, tiocsti, unix, packet = 0x10000000, 0x5412, 1, 17
    assert _answer(program, machine, numbers["clone"], new_user) != ALLOW
    assert _answer(program, machine, numbers["ioctl"], 0, tiocsti) != ALLOW
    assert _answer(program, machine, numbers["socket"], unix) == ALLOW
    assert _answer(program, machine, numbers["socket"], packet) != ALLOW


def test_call_of_another_machine_ends_the_program() -> None:
    program = seccomp.program("aarch64", sockets=[])
    assert _answer(program, "x86_64", 0) == ENDED


def test_landlock_has_its_numbers_on_both_machines() -> None:
    """444 to 446: `app.confined.landlock` uses one set for all."""
    for machine in HEADERS:
        numbers = _numbers(machine)
        names = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
        assert [numbers[name] for name in names] == [444, 445, 446]
