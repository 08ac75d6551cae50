"""Control groups (cgroups(7), version 2) for programs: memory, processes and processor of all that one starts.

systemd gives a service its own part of the tree with Delegate=yes. It is used only when nobody but this process
lives in it; elsewhere the limits of each process and the supervisor's own looking hold.
"""

import contextlib
import logging
import os
import time
from pathlib import Path

from app.egress.sandbox import Limits

_MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
_WANTED = ("memory", "pids", "cpu")
_TRIES, _PAUSE = 50, 0.002
_log = logging.getLogger(__name__)


class Groups:
    """The part of the tree that is ours; each program gets a folder in it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def make(self, server: str, limits: Limits) -> str:
        """A group with these limits, or empty when it cannot be made."""
        folder = self._root / f"mcp-{server}"
        try:
            folder.mkdir(exist_ok=True)
            for name, value in _settings(limits).items():
                if (folder / name).exists():  # only the controllers that were delegated
                    (folder / name).write_text(value, encoding="ascii")
        except OSError as error:
            _log.warning("mcp %s: no control group: %s", server, error)
            return ""
        return str(folder)

    def killed(self, server: str) -> str:
        """Why the kernel ended something in the group, by its counters; empty when it did not."""
        counted = _counters(self._root / f"mcp-{server}" / "memory.events")
        if counted.get("oom_kill") or counted.get("oom_group_kill"):
            return "the kernel ended it because all its processes together had more than limits.memory_mb"
        if _counters(self._root / f"mcp-{server}" / "pids.events").get("max"):
            return "it could not start a process because limits.processes was reached"
        return ""

    def remove(self, server: str) -> None:
        """End whatever is left in it."""
        folder = self._root / f"mcp-{server}"
        with contextlib.suppress(OSError):
            (folder / "cgroup.kill").write_text("1", encoding="ascii")
        # The kernel ends them one after the other; a group is removed when the last is gone.
        for _ in range(_TRIES):
            try:
                folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(_PAUSE)
            else:
                return


def _counters(file: Path) -> dict[str, int]:
    """A flat keyed file; nothing where the controller is not delegated."""
    try:
        pairs = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
        return {name: int(value) for name, value in pairs}
    except (OSError, ValueError):
        return {}


def delegated(
    *, pid: int, mounts: tuple[Path, ...] = _MOUNTS, own: Path = Path("/proc/self/cgroup")
) -> Groups | None:
    """The groups of a service whose part of the tree is its own; None where there is no such part."""
    try:
        path = next(
            line[3:] for line in own.read_text(encoding="utf-8").splitlines() if line.startswith("0::")
        )
        mount = next(one for one in mounts if (one / "cgroup.controllers").exists())
        root = mount / path.lstrip("/")
        if path == "/" or (root / "cgroup.procs").read_text(encoding="ascii").split() != [str(pid)]:
            return None
        main = root / "main"
        main.mkdir(exist_ok=True)
        (main / "cgroup.procs").write_text(str(pid), encoding="ascii")
        offered = (root / "cgroup.controllers").read_text(encoding="ascii").split()
        for name in _WANTED:
            if name in offered:
                (root / "cgroup.subtree_control").write_text(f"+{name}", encoding="ascii")
    except (OSError, StopIteration):
        return None
    return Groups(root) if os.access(root, os.W_OK) else None


def _settings(limits: Limits) -> dict[str, str]:
    found = {}
    if limits.memory_mb:
        found |= {"memory.max": str(limits.memory_mb * 1024 * 1024), "memory.swap.max": "0"}
    if limits.processes:
        found["pids.max"] = str(limits.processes)
    if limits.cpu_percent:
        found["cpu.max"] = f"{limits.cpu_percent * 1000} 100000"
    return found
