"""Whether it is the program itself that listens on its port, from proc(5)."""

import contextlib
from pathlib import Path

from app.mcp.supervisor.host.usage import tree

_LISTEN = "0A"


def foreign(pid: int, port: int) -> bool:
    """Whether anybody but the program of `pid`, and what it started, listens on this port where the program is.

    In doubt it is somebody else: a listener whose process cannot be seen is not known to be ours.
    """
    listening = set(_listeners(pid, port))
    return bool(listening) and not listening <= _sockets_of(pid)


def _listeners(pid: int, port: int) -> list[str]:
    """Inodes of the listening sockets of a port, in the network namespace of a process."""
    found: list[str] = []
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.append(fields[9])
    return found


def _sockets_of(pid: int) -> set[str]:
    found: set[str] = set()
    for one in tree(pid):
        with contextlib.suppress(OSError):  # it ended, or may not be looked at
            for entry in Path(f"/proc/{one}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    name = str(entry.readlink())
                    if name.startswith("socket:["):
                        found.add(name[8:-1])
    return found
