"""What else the machine was doing: figures of a busy one are worth less, and its reader should know."""

import os
import statistics
import time
from pathlib import Path

import msgspec

_WRITES = 40


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Share of the processors that others used, and milliseconds for making 8 kB durable, median and worst."""

    busy: float
    sync_ms: float
    worst_sync_ms: float

    def __str__(self) -> str:
        return (
            f"other work used {self.busy:.0%} of the processors, and making 8 kB durable took {self.sync_ms:.2f} ms "
            f"(at worst {self.worst_sync_ms:.1f})"
        )


def conditions(folder: Path) -> Conditions:
    """Look for two seconds, while nothing of ours runs."""
    folder.mkdir(parents=True, exist_ok=True)
    idle, total = _ticks()
    time.sleep(2.0)
    idle_after, total_after = _ticks()
    times = _sync_times(folder / "sync")
    return Conditions(
        busy=1 - (idle_after - idle) / max(total_after - total, 1),
        sync_ms=statistics.median(times),
        worst_sync_ms=max(times),
    )


def _ticks() -> tuple[int, int]:
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return values[3] + values[4], sum(values)


def _sync_times(file: Path) -> list[float]:
    times = []
    with file.open("wb", buffering=0) as output:
        for _ in range(_WRITES):
            begin = time.perf_counter()
            output.write(bytes(8192))
            os.fdatasync(output.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    file.unlink()
    return times
