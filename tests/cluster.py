"""A PostgreSQL that may be killed, paused and made a standby: a cluster of its own in a folder of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from app.core.paths import postgres_home
from app.db.owner import reachable_home, server_owner

_NUMBERS = count(1)
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "80",
    "shared_buffers": "16MB",
    "max_wal_size": "64MB",
    "wal_level": "replica",
    "fsync": "on",
    "timezone": "UTC",
}


class Cluster:
    """Files in `folder`, programs in `home/bin`; `start` after `stop` or `kill` recovers it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._owner = server_owner(folder)
        self._home = reachable_home(home, owner=self._owner, spare=folder / "program")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The connection string of its first database."""
        return f"host={self.folder} user=postgres dbname=postgres"

    def initialise(self) -> None:
        """initdb; whoever reaches the private socket folder is trusted."""
        self._owner.own(self.folder)
        command = [
            *(self._home / "bin" / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust"),
            *("-E", "UTF8", "--locale=C", "--no-sync"),
        ]
        subprocess.run(command, check=True, capture_output=True, **self._owner.spawn())

    def start(self) -> None:
        """Start and wait until it answers."""
        arguments = [str(self._home / "bin" / "postgres"), "-D", str(self.data), "-k", str(self.folder)]
        for name, value in _SETTINGS.items():
            arguments += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(arguments, stdout=log, stderr=log, **self._owner.spawn())
        deadline = time.monotonic() + 60
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL the postmaster and wait until its children have noticed."""
        children = self._processes()
        self._signal(signal.SIGKILL, [self._process.pid] if self._process else [])
        self._reap()
        deadline = time.monotonic() + 20
        while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        """A fast shutdown."""
        self._signal(signal.SIGCONT, self._processes())
        self._signal(signal.SIGINT, [self._process.pid] if self._process else [])
        self._reap()

    def pause(self) -> None:
        """SIGSTOP all of it: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP, self._processes())

    def resume(self) -> None:
        """SIGCONT all of it."""
        self._signal(signal.SIGCONT, self._processes())

    def become_standby(self) -> None:
        """To be called while stopped: it starts as a read-only standby until `promote`."""
        marker = self.data / "standby.signal"
        marker.touch()
        self._owner.own(marker)

    def promote(self) -> None:
        """Make it a primary again."""
        self.execute("SELECT pg_promote()")

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside a transaction."""
        writable = "-c default_transaction_read_only=off"
        url = make_conninfo(self.url, dbname=database, connect_timeout=5, options=writable)
        with psycopg.connect(url, autocommit=True) as conn:
            cursor = conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return cursor.fetchall() if cursor.description else []

    def new_database(self, template: str = "template1") -> str:
        """The name of a fresh database."""
        name = f"site_{next(_NUMBERS)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _processes(self) -> list[int]:
        if self._process is None:
            return []
        me = str(self._process.pid)
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [self._process.pid, *(pid for pid in pids if _parent(pid) == me)]

    def _signal(self, number: signal.Signals, pids: list[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=60)
            self._process = None


def _parent(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1]
    except OSError:
        return ""


@contextmanager
def cluster(home: Path | None = None) -> Iterator[Cluster]:
    """A running cluster, removed afterwards; in memory where the machine has it."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="sallyport-fault-", dir=memory))
    folder.chmod(0o755)
    made = Cluster(folder, home or postgres_home())
    try:
        made.initialise()
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)
