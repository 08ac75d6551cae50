"""The PostgreSQL that the file brings: private socket, unprivileged user, stopped with us, recovered after a crash."""

import asyncio
import ctypes
import logging
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import psycopg

from app.core.errors import DatabaseError
from app.db.owner import Owner, reachable_home, server_owner

log = logging.getLogger(__name__)

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "64",
    "shared_buffers": "32MB",
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "client_connection_check_interval": "5s",
}
_SINCE_18 = {"io_method": "sync"}
_LOG_LIMIT = 8 * 1024 * 1024
_START_SECONDS = 120.0
_RESTART_SECONDS = 0.25
_RESTART_LIMIT = 10.0
_PR_SET_PDEATHSIG = 1


class Embedded:
    """One cluster in `folder` (`data`, `run`, `log`), its binaries in `home`."""

    def __init__(self, *, folder: Path, home: Path, password_file: Path) -> None:
        self.folder = folder
        self.home = home
        self._home = home
        self._password_file = password_file
        self._owner: Owner = server_owner(folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def major(self) -> int:
        """The version of the programs, as the cluster says that they made."""
        try:
            return int((self._cluster / "PG_VERSION").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def beside(self, folder: Path, *, home: Path) -> "Embedded":
        """Another server with the same password."""
        return Embedded(folder=folder, home=home, password_file=self._password_file)

    @property
    def url(self) -> str:
        """The connection string of the site's database."""
        return self._url("sallyport")

    def _url(self, name: str) -> str:
        password = self._password_file.read_text(encoding="ascii")
        return f"host='{self._socket_folder}' user=sallyport dbname={name} password={password}"

    @property
    def _socket_folder(self) -> Path:
        return self.folder / "run"

    @property
    def _cluster(self) -> Path:
        return self.folder / "data"

    async def start(self, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Initialise once, end a server that outlived us, start, do something else `meanwhile`, wait until it answers."""
        self._prepare()
        if not (self._cluster / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise)
        await self._end_leftover()
        # Not in a worker thread: the kernel's parent-death signal follows the thread that forked.
        try:
            self._process = self._launch()
        except PermissionError:
            self._let_reach()
            self._process = self._launch()
        meanwhile()
        await self._wait_ready()

    async def keep(self) -> None:
        """Start it again whenever it ends by itself, until cancelled; callers are refused in between."""
        pause = _RESTART_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self._process is None or self._process.poll() is None:
                pause = _RESTART_SECONDS
                continue
            log.error("the embedded PostgreSQL ended (%s); starting it again", self._process.returncode)
            pause = min(pause * 2, _RESTART_LIMIT)
            try:
                await self._end_leftover()
                self._process = self._launch()
            except (OSError, DatabaseError) as error:
                log.error("the embedded PostgreSQL cannot be started: %s", error)

    async def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, committed ones are safe."""
        if self._process is None:
            return
        for how, seconds in ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)):
            self._process.send_signal(how)
            if await _ended(self._process, seconds):
                self._process = None
                return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    async def answers(self) -> bool:
        """Whether a server of this folder accepts connections."""
        try:
            async with await psycopg.AsyncConnection.connect(self.url):
                return True
        except (psycopg.Error, OSError):
            return False

    def _prepare(self) -> None:
        if not (self._home / "bin" / "postgres").exists():
            raise DatabaseError(
                "The embedded PostgreSQL is not here.", remedy="Run scripts/run once, or set database.url."
            )
        if len(str(self._socket_folder)) > 90:
            raise DatabaseError(
                f"The data folder's path is too long for a socket: {self._socket_folder}.",
                remedy="Choose a data folder with a shorter path (at most 90 characters with /postgres/run).",
            )
        for folder in (self.folder, self._socket_folder, self.folder / "log"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._owner.own(folder)
        if not (self._cluster / "PG_VERSION").exists():
            # Later starts find out by starting: to ask first costs two processes.
            self._let_reach()
        if not self._password_file.exists():
            descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(24))

    def _let_reach(self) -> None:
        """Programs that the server's user can execute, or DatabaseError when it cannot get to its data."""
        self._owner.require_reach(self.folder)
        self._home = reachable_home(self.home, owner=self._owner, spare=self.folder / "program")

    def _initialise(self) -> None:
        """initdb beside the final place, renamed when complete: a crash leaves nothing half made."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self._socket_folder / "password"
        password.write_text(self._password_file.read_text(encoding="ascii"), encoding="ascii")
        password.chmod(0o600)
        self._owner.own(password)
        try:
            done = subprocess.run(
                [
                    str(self._home / "bin" / "initdb"), "--pgdata", str(fresh), "--username", "sallyport",
                    "--pwfile", str(password), "--auth-local", "scram-sha-256", "--auth-host", "reject",
                    "--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
                    "--locale", "C", "--no-instructions",
                    # Stretching is for passwords that people choose: ours has 192 random bits, and each
                    # connection of each start would pay 2 ms for it.
                    "--set", "scram_iterations=1",
                ],
                capture_output=True, check=False, **self._owner.spawn(),
            )  # fmt: skip
        finally:
            password.unlink(missing_ok=True)
        if b"could not look up effective user ID" in done.stderr:
            raise DatabaseError(
                f"PostgreSQL refuses to be set up by user {os.geteuid()}, who has no name in /etc/passwd.",
                remedy="Add one (systemd: User= of an existing user instead of DynamicUser=), or set database.url.",
            )
        if done.returncode:
            raise DatabaseError(
                f"The embedded PostgreSQL could not be initialised: {_one_line(done.stderr)}",
                remedy=f"Check space and permissions of {self.folder}.",
            )
        fresh.rename(self._cluster)

    async def _end_leftover(self) -> None:
        """A server of an earlier run may still be shutting down, or have outlived a kill -9."""
        pid_file = self._cluster / "postmaster.pid"
        pid: int | None = None
        for attempt in range(200):
            pid = _postmaster(pid_file, self._cluster)
            if pid is None:
                return
            if attempt in (20, 100):
                os.kill(pid, signal.SIGINT if attempt == 20 else signal.SIGQUIT)
            await asyncio.sleep(0.1)
        raise DatabaseError(
            f"An earlier embedded PostgreSQL (pid {pid}) does not end.",
            remedy=f"End process {pid} and start again.",
        )

    def _launch(self) -> subprocess.Popen[bytes]:
        arguments = [str(self._home / "bin" / "postgres"), "-D", str(self._cluster)]
        for name, value in self._settings().items():
            arguments += ["-c", f"{name}={value}"]
        prctl = ctypes.CDLL(None).prctl

        with self._log_file() as output:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # If we are killed, the kernel asks PostgreSQL for a fast shutdown.
                preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGINT),  # noqa: PLW1509
                **self._owner.spawn(),
            )
        return cast("subprocess.Popen[bytes]", process)

    def _settings(self) -> dict[str, str]:
        newer = _SINCE_18 if self.major >= 18 else {}
        return {**_SETTINGS, **newer, "unix_socket_directories": str(self._socket_folder)}

    def _log_file(self) -> IO[bytes]:
        path = self.folder / "log" / "postgres.log"
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    async def _ensure_database(self) -> None:
        """Make the site's database unless it answers; OperationalError while nothing does."""
        try:
            async with await psycopg.AsyncConnection.connect(self.url):
                return
        except psycopg.OperationalError as error:
            # The server's messages are English: its cluster was made so. libpq gives no code while connecting.
            if 'database "sallyport" does not exist' not in str(error):
                raise
        async with await psycopg.AsyncConnection.connect(self._url("postgres"), autocommit=True) as conn:
            await conn.execute("CREATE DATABASE sallyport")

    async def _wait_ready(self) -> None:
        if self._process is None:
            raise DatabaseError("The embedded PostgreSQL was not started.", remedy="Start Sallyport again.")
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while True:
            if self._process.poll() is not None:
                self._owner.require_reach(self.folder)
                detail = _last_line((self.folder / "log" / "postgres.log").read_bytes())
                raise DatabaseError(
                    f"The embedded PostgreSQL ended at once: {detail}", remedy=f"See {self.folder / 'log'}."
                )
            try:
                await self._ensure_database()
                return
            except psycopg.OperationalError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise DatabaseError(
                        f"The embedded PostgreSQL does not answer: {error}",
                        remedy=f"See {self.folder / 'log'}.",
                    ) from None
                await asyncio.sleep(0.005)


async def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while process.poll() is None:
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def _postmaster(pid_file: Path, cluster: Path) -> int | None:
    """The pid of a live postmaster of this very cluster."""
    try:
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        pid = int(lines[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    return pid if str(cluster).encode() in command else None


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _one_line(output: bytes) -> str:
    return " ".join(output.decode("utf-8", "replace").split())[-600:] or "it said nothing"
