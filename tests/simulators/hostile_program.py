"""A program that tries what a hostile tool server would: `hostile_program.py TARGETS` prints what each attempt gave.

TARGETS is JSON: what there is to reach outside. Each attempt gives "" when it was stopped in every way it tried, else
what it got. Standard library only: any python3 of the host runs it.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
SECRET = b"the-siblings-secret"


def stopped(*attempts: Callable[[], Any]) -> str:
    """What got through."""
    got = []
    for attempt in attempts:
        try:
            found = attempt()
        except (OSError, MemoryError, ValueError):
            continue
        if found not in (None, b"", "", [], 0, False):
            got.append(repr(found)[:200])
    return ", ".join(got)


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(65536) or b"(empty)"


def write(path: str) -> str:
    new = not os.path.exists(path)
    with open(path, "ab"):
        if new:
            os.unlink(path)
        return f"{path} can be written"


def connect(family: int, address: Any, kind: int = socket.SOCK_STREAM) -> str:
    with socket.socket(family, kind) as sock:
        sock.settimeout(0.5)
        sock.connect(address)
        sock.send(b"hello")
        return f"{address!r} reached"


def raw(number: int, *arguments: int) -> str:
    result = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
    return f"system call {number} gave {result}" if result >= 0 else ""


def sibling(targets: dict[str, Any]) -> str:
    pid = targets["sibling"]

    def anywhere() -> str:
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    if SECRET in read(f"/proc/{name}/environ"):
                        return f"the environment of {name}"
                except OSError:
                    continue
        return ""

    def memory() -> str:
        line = read(f"/proc/{pid}/maps").split(b"-")[0]
        with open(f"/proc/{pid}/mem", "rb") as file:
            file.seek(int(line, 16))
            return f"memory {file.read(4)!r}"

    def attach() -> str:
        return "attached" if LIBC.ptrace(16, ctypes.c_long(pid), None, None) == 0 else ""

    def here() -> str:  # the number may be somebody else's in our own namespace
        text = read(f"/proc/{pid}/cmdline")
        return "seen" if b"sleeping" in text else ""

    return stopped(anywhere, memory, attach, here)


def signals(targets: dict[str, Any]) -> str:
    def kill(pid: int, name: bytes) -> Callable[[], str]:
        def attempt() -> str:
            if name not in read(f"/proc/{pid}/cmdline"):
                return ""  # in a namespace of our own the number is somebody else's, or nobody's
            os.kill(pid, 0)
            return f"may signal {pid}"

        return attempt

    return stopped(kill(targets["sibling"], b"271828"), kill(targets["parent"], b"confining.py"))


def files(targets: dict[str, Any]) -> str:
    data = targets["data"]
    return stopped(
        lambda: os.listdir(f"{data}/keys"),
        lambda: os.listdir(f"{data}/mcp/sibling"),
        lambda: read(f"{data}/keys/master"),
        lambda: read(f"{data}/mcp/sibling/note"),
        lambda: read(targets["outside"]),
        lambda: read("/etc/shadow"),
        lambda: os.listdir("/root"),
        lambda: os.listdir("/home"),
        lambda: write(targets["outside"]),
        lambda: write("/dev/shm/confined"),
        lambda: write("/tmp/confined"),
        lambda: write("/etc/confined"),
        lambda: write(f"{data}/confined"),
    )


def own_program(targets: dict[str, Any]) -> str:
    return stopped(lambda: write(__file__), lambda: write(sys.executable))


def unix_sockets(targets: dict[str, Any]) -> str:
    return stopped(
        lambda: connect(socket.AF_UNIX, targets["socket"]),
        lambda: connect(socket.AF_UNIX, "\0" + targets["abstract"]),
    )


def network(targets: dict[str, Any]) -> str:
    tcp = targets["tcp"]
    _datagram(targets["udp"])
    return stopped(
        lambda: connect(socket.AF_INET, ("127.0.0.1", tcp)),
        lambda: connect(socket.AF_INET6, ("::1", tcp)),
        lambda: connect(socket.AF_INET, ("169.254.169.254", 80)),
        lambda: connect(socket.AF_INET, ("192.0.2.1", 53), socket.SOCK_DGRAM),
        lambda: socket.getaddrinfo("sallyport.example", 80),
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).fileno(),
        lambda: socket.socket(40, socket.SOCK_STREAM).fileno(),  # AF_VSOCK, which no namespace holds
        lambda: socket.socket(38, socket.SOCK_SEQPACKET).fileno(),  # AF_ALG
    )


def _datagram(port: int) -> None:
    """Whether it arrived is for the test to say."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", ("127.0.0.1", port))


def kernel(targets: dict[str, Any]) -> str:
    x86 = os.uname().machine == "x86_64"
    numbers = (
        [321, 272, 165, 308, 250, 425, 298, 323, 101] if x86 else [280, 97, 40, 268, 219, 425, 241, 282, 117]
    )
    return stopped(*(lambda number=number: raw(number, 0x10000000, 0, 0, 0) for number in numbers), _status)


def _status() -> str:
    wanted = {"NoNewPrivs": "1", "CapEff": "0" * 16, "CapPrm": "0" * 16, "Seccomp": "2"}
    found = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    wrong = {name: found.get(name) for name, value in wanted.items() if found.get(name) != value}
    return str(wrong) if wrong else ""


def descriptors(targets: dict[str, Any]) -> str:
    held = [name for name in os.listdir("/proc/self/fd") if int(name) > 2]
    return "" if len(held) <= 1 else f"open: {held}"


def environment(targets: dict[str, Any]) -> str:
    odd = [name for name in os.environ if name.startswith(("LD_", "_PYI", "SALLYPORT", "PYTHON"))]
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "env | grep -c ^LD_ >&2; exit 0"], os.environ)
    os.waitpid(pid, 0)
    return ", ".join(odd)


def memory(targets: dict[str, Any]) -> str:
    try:
        return f"{len(bytearray(512 * 1024 * 1024))} bytes"
    except MemoryError:
        return ""


def processes(targets: dict[str, Any]) -> str:
    made = []
    try:
        while len(made) < 500:
            pid = os.fork()
            if not pid:
                os.read(0, 1)
                os._exit(0)
            made.append(pid)
    except OSError:
        pass
    for pid in made:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return f"{len(made)} processes" if len(made) > 100 else ""


def disk(targets: dict[str, Any]) -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = os.environ["HOME"] + "/large"
    try:
        with open(path, "wb") as file:
            file.write(b"x" * 64 * 1024 * 1024)
    except OSError:
        return ""
    finally:
        os.unlink(path)
    return "64 MiB in one file"


def outlive(targets: dict[str, Any]) -> str:
    """Two forks and a session of its own: whether it is left is for the test to see."""
    if not os.fork():
        os.setsid()
        if not os.fork():
            for descriptor in (0, 1, 2):
                os.close(descriptor)
            os.execv("/bin/sleep", ["sleep", "314159"])
        os._exit(0)
    os.wait()
    return ""


ATTEMPTS = (
    sibling, signals, files, own_program, unix_sockets, network, kernel, descriptors, environment, memory, processes,
    disk, outlive,
)  # fmt: skip


def main() -> None:
    targets = json.loads(sys.argv[1])
    for attempt in ATTEMPTS:
        if attempt is outlive and len(sys.argv) > 2:
            continue
        sys.stdout.write(json.dumps({attempt.__name__: attempt(targets)}) + "\n")
        sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
