"""The server's process and all that it started (proc(5), /proc/locks)."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.confined import kernel, namespaces
from app.egress.watching import sockets

_SETNS = {"x86_64": 308, "aarch64": 268}
_MOST = 4096
"""Processes looked at."""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process: `network` stands for its network namespace, `main` for the server itself."""

    pid: int
    name: str
    network: str
    main: bool = False


def find_server(folder: Path) -> int | None:
    """Who holds the lock of the data folder; None when nobody does, or when that cannot be seen from here."""
    try:
        lock = (folder / "serve.lock").stat()
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(lock.st_ino):
            # Other file systems have the same numbers, and some name another device here than stat(2) does.
            pid = int(words[4])
            if pid > 0 and _holds(pid, lock):
                return pid
    return None


def _holds(pid: int, file: os.stat_result) -> bool:
    """Whether a process has this very file open."""
    for path in _open_files(pid):
        try:
            if os.path.samestat(os.stat(path), file):  # noqa: PTH116 - a link of the kernel's
                return True
        except OSError:
            continue
    return False


def _open_files(pid: int) -> list[str]:
    try:
        return [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]  # noqa: PTH208 - names only
    except OSError:
        return []


def listening_on(port: int) -> int | None:
    """Whose socket takes connections at this port of this network; None when nobody's that can be seen."""
    wanted = {one.inode for one in sockets.table("self") if one.listening and one.local_port == port}
    for pid in _pids():
        if wanted & sockets.inodes(pid):
            return pid
    return None


def tree(server: int) -> list[Process]:
    """The server and its descendants, as far as they may be looked at."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        parent = _parent(pid)
        if parent:
            children.setdefault(parent, []).append(pid)
    found, waiting = [], [server]
    while waiting and len(found) < _MOST:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        try:
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
            network = os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115 - no path, a name
        except OSError:
            continue
        found.append(Process(pid=pid, name=name, network=network, main=pid == server))
    return found


def enter_network(pid: int) -> bool:
    """Whether this process is now in the network of that one, which takes root when it is another (setns(2))."""
    own, theirs = "/proc/self/ns/net", f"/proc/{pid}/ns/net"
    try:
        if os.readlink(own) == os.readlink(theirs):  # noqa: PTH115 - no paths, names
            return True
        descriptor = os.open(theirs, os.O_RDONLY | os.O_CLOEXEC)
        try:
            kernel.syscall(_SETNS[os.uname().machine], descriptor, namespaces.NEWNET)
        finally:
            os.close(descriptor)
    except (OSError, KeyError):
        return False
    return True


def filtered(pid: int) -> bool:
    """Whether a seccomp filter holds its first thread."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "\nSeccomp:\t2" in text


def _pids() -> Iterator[int]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - names only
        if name.isdigit():
            yield int(name)


def _parent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
