"""The one file: size, start, memory, and the embedded PostgreSQL, against the targets of the bundle's budget.

The peer of each figure is the same program as PyInstaller's plain onefile, or what the reference product claims.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
BUNDLE = ROOT / "dist" / "sallyport"
UNPRIVILEGED = 65534


def figures(quick: bool) -> list[dict[str, Any]]:
    """Build if necessary, then measure; `quick` repeats less, and takes the file as it was last built."""
    if not quick or not BUNDLE.exists():
        subprocess.run([ROOT / "scripts" / "bundle"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    with _folder() as folder:
        environment = {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(folder / "rt")}
        return [
            *_sizes(),
            *_commands(environment, repeats=5 if quick else 15),
            *_postgres(folder, repeats=1 if quick else 3),
            *_serving(folder, environment, repeats=2 if quick else 5),
        ]


def _figure(metric: str, value: float, target: float, peer: str = "") -> dict[str, Any]:
    return {"metric": f"bundle: {metric}", "value": round(value, 2), "target": target, "peer": peer}


def _sizes() -> list[dict[str, Any]]:
    facts = json.loads((ROOT / "dist" / "facts.json").read_text())
    return [
        _figure(
            "size, MB", facts["bytes"] / 1e6, 30, "onefile 46.7; reference product 50 without a database"
        ),
        _figure("size without PostgreSQL, MB", facts["bytes_without_postgres"] / 1e6, 24),
        _figure("unpacked, MB", facts["unpacked"] / 1e6, 90),
    ]


def _commands(environment: dict[str, str], *, repeats: int) -> list[dict[str, Any]]:
    def command(*arguments: str) -> Callable[[], None]:
        return lambda: _run([BUNDLE, *arguments], env=environment)

    runtime = Path(environment["SALLYPORT_RUNTIME_DIR"])
    firsts = []
    for _ in range(2):
        shutil.rmtree(runtime, ignore_errors=True)
        firsts.append(_milliseconds(command("version"), repeats=1))
    return [
        _figure("--version, ms", _milliseconds(command("--version"), repeats=repeats), 2, "onefile 875"),
        *_cold(command("--version")),
        _figure("first start ever, with unpacking, ms", min(firsts), 1000),
        _figure(
            "a command through Python, ms",
            _milliseconds(command("version"), repeats=repeats),
            60,
            "onefile 875",
        ),
    ]


def _cold(version: Callable[[], None]) -> list[dict[str, Any]]:
    """With the file taken out of the page cache first, which posix_fadvise does for clean pages."""
    times = []
    for _ in range(5):
        with BUNDLE.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        times.append(_milliseconds(version, repeats=1))
    return [_figure("--version, cold, ms", statistics.median(times), 20)]


def _postgres(folder: Path, *, repeats: int) -> list[dict[str, Any]]:
    (tree,) = (path for path in (folder / "rt").iterdir() if len(path.name) == 32)
    programs, place = tree / "_internal" / "postgres" / "bin", folder / "pg"
    place.mkdir()
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        os.chown(place, UNPRIVILEGED, UNPRIVILEGED)
        who = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}
    data = place / "data"
    options = f"-c listen_addresses= -c unix_socket_directories={place} -c shared_buffers=32MB -c jit=off -c io_method=sync"
    initialise = [programs / "initdb", "-D", data, "-U", "sallyport", "--auth=trust", "--no-instructions"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "-E", "UTF8"]
    start = [programs / "pg_ctl", "-D", data, "-w", "-s", "-l", place / "log", "-o", options, "start"]
    stop = [programs / "pg_ctl", "-D", data, "-w", "-s", "-m", "fast", "stop"]
    times: dict[str, list[float]] = {"initdb": [], "start": []}
    memory = 0.0
    for _ in range(repeats):
        shutil.rmtree(data, ignore_errors=True)
        times["initdb"].append(_milliseconds(lambda: _run([*initialise, *locale], **who), repeats=1))
        times["start"].append(_milliseconds(lambda: _run(start, **who), repeats=1))
        memory = _family_memory(int((data / "postmaster.pid").read_text().split()[0]))
        _run(stop, **who)
    return [
        _figure("embedded PostgreSQL, initdb, ms", statistics.median(times["initdb"]), 1500),
        _figure("embedded PostgreSQL, start, ms", statistics.median(times["start"]), 300),
        _figure("embedded PostgreSQL, memory, MB", memory, 25),
    ]


def _serving(folder: Path, environment: dict[str, str], *, repeats: int) -> list[dict[str, Any]]:
    """The first start sets the site up; the others find the database there."""
    readies, memory = [], 0.0
    for attempt in range(repeats + 1):
        with _server(folder / "site", environment) as (process, seconds):
            if attempt:
                readies.append(seconds * 1000)
                time.sleep(1.0)
                memory = _kilobytes(process.pid, "status", "VmRSS:") / 1000
    return [
        _figure("exec to ready, database there, ms", statistics.median(readies), 400, "onefile 1253"),
        _figure("idle memory, MB", memory, 70, "reference product 80; onefile 51"),
    ]


@contextmanager
def served(
    data: Path, environment: dict[str, str], *, before: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is ready; `before` is a command that wraps the file's."""
    with _server(data, environment, before=before) as (process, _):
        yield process


@contextmanager
def _server(
    data: Path, environment: dict[str, str], *, before: tuple[str, ...] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*before, BUNDLE, "serve", "--data", data, "--address", address, "--plain-http"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, _ready(process, f"http://{address}/readyz", begin)
    finally:
        _end(process.pid if not before else int(_children(process.pid)[0]))
        process.wait(timeout=60)


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _ready(process: subprocess.Popen[bytes], url: str, begin: float) -> float:
    while process.poll() is None and time.perf_counter() - begin < 60:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return time.perf_counter() - begin
        except OSError:
            time.sleep(0.004)
    raise RuntimeError(f"the bundle was not ready in a minute (exit code {process.poll()})")


def _milliseconds(work: Callable[[], None], *, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def _run(command: list[Any], **options: Any) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)


def _family_memory(parent: int) -> float:
    """Proportional memory of a process and its children, in megabytes."""
    family = (parent, *map(int, _children(parent)))
    return sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in family) / 1000


def _kilobytes(pid: int, file: str, field: str) -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/{file} has no {field}")


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sp-bench-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)
