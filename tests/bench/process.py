"""A program under test: started, pinned to a core, stopped and continued, and what it cost."""

import os
import resource
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


class BenchError(Exception):
    """A measurement that cannot be made, and why."""


@dataclass(kw_only=True)
class Program:
    """One system under test. `counted` chooses the processes whose cost is its cost."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    counted: Callable[[int], bool] = field(default=lambda _: True)

    def pids(self) -> list[int]:
        """The processes that are counted."""
        return [pid for pid in descendants(self.process.pid) if self.counted(pid)]

    def pin(self, core: int, *, rest: int) -> None:
        """Give the counted processes, all threads, one core to themselves, and the others another."""
        counted = set(self.pids())
        for pid in descendants(self.process.pid):
            for thread in _names(Path(f"/proc/{pid}/task")):
                _quietly(os.sched_setaffinity, int(thread), {core if pid in counted else rest})

    def schedule(self, policy: int) -> None:
        """Give every process, all threads, a scheduling policy, where that is permitted."""
        parameters = os.sched_param(0 if policy == os.SCHED_OTHER else 1)
        for pid in descendants(self.process.pid):
            for thread in _names(Path(f"/proc/{pid}/task")):
                _quietly(os.sched_setscheduler, int(thread), policy, parameters)

    def signal(self, number: int) -> None:
        """To every process, children first."""
        for pid in reversed(list(descendants(self.process.pid))):
            _quietly(os.kill, pid, number)

    def pause(self) -> None:
        """Cost nothing while another is measured."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Be measured."""
        self.signal(signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """CPU time of the counted processes, all threads, from the scheduler's own account."""
        return sum(_scheduled(pid) for pid in self.pids())

    def megabytes(self) -> float:
        """Resident memory of the counted processes."""
        return sum(_resident(pid) for pid in self.pids())

    def end(self) -> None:
        """Ask, wait, insist."""
        self.resume()
        _quietly(os.kill, self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait(10)


@contextmanager
def ahead_of_others(*programs: Program) -> Iterator[None]:
    """Scheduled before other work, for light loads: else waiting for a busy machine's turn would be measured."""
    for program in programs:
        program.schedule(os.SCHED_RR)
    try:
        yield
    finally:
        for program in programs:
            program.schedule(os.SCHED_OTHER)


def start(command: list[str], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A program in a session of its own, at normal priority, with its output in a file."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            start_new_session=True,
        )


def more_files() -> None:
    """Let this process and all that it starts open as many files as the machine allows, for thousands of streams."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def wait_until_ready(program: Program, *, path: str, log: Path, seconds: float = 120) -> None:
    """Until the port answers HTTP at all."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if program.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{program.port}{path}", timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    tail = log.read_text(errors="replace")[-600:]
    program.end()
    raise BenchError(f"{program.name} did not start: {tail}")


def descendants(pid: int) -> Iterator[int]:
    """A process and all below it, parents first."""
    yield pid
    for thread in _names(Path(f"/proc/{pid}/task")):
        try:
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from descendants(int(child))


def _scheduled(pid: int) -> float:
    total = 0
    for thread in _names(Path(f"/proc/{pid}/task")):
        try:
            total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


def _resident(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _quietly(function: Callable[..., object], *arguments: object) -> None:
    """A process may be gone by the time it is spoken to."""
    try:
        function(*arguments)
    except OSError:
        return
