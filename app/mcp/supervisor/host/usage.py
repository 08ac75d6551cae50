"""Memory and processor time of a program and all that it started, from proc(5)."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_MOST = 4096


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Resident bytes, processor seconds and number of processes; a process that ended takes its time along."""

    memory_bytes: int = 0
    cpu_seconds: float = 0.0
    processes: int = 0


def usage_of(pid: int) -> Usage:
    """Of a process and its descendants, as far as they can be seen."""
    memory, ticks, count = 0, 0, 0
    for one in tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8", errors="replace")
            resident = int(Path(f"/proc/{one}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError, ValueError):
            continue
        values = fields.rpartition(")")[2].split()
        # utime, stime and those of children that were waited for: fields 14 to 17 of proc_pid_stat(5)
        ticks += sum(int(value) for value in values[11:15])
        memory += resident * _PAGE
        count += 1
    return Usage(memory_bytes=memory, cpu_seconds=ticks / _TICK, processes=count)


def tree(pid: int) -> Iterator[int]:
    """The process and its descendants, by the host's numbers."""
    waiting, seen = [pid], 0
    while waiting and seen < _MOST:
        one = waiting.pop()
        seen += 1
        yield one
        try:
            for task in os.listdir(f"/proc/{one}/task"):  # noqa: PTH208 - names are all that is wanted
                text = Path(f"/proc/{one}/task/{task}/children").read_text(encoding="ascii")
                waiting += [int(child) for child in text.split()]
        except (OSError, ValueError):
            continue
