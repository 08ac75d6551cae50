"""`sallyport serve` as a process of its own: what a signal, a killed database or a hostile peer really meets.

`SALLYPORT_TEST_FILE` names a frozen file to run instead of this checkout; tests/frozen/test_stories.py sets it.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.demo.provider import Received, SimulatedProvider
from app.demo.script import Script
from tests.fix_server import free_port

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = {
    "gpt": Script(),
    "claude": Script(),
    "slow": Script(text="one two three four five six seven eight nine ten", pace=0.15),
}

PROFILE = """\
node: site
listen: {{address: "127.0.0.1:0", plain_http: loopback, drain: 10, body_timeout: 2, max_body_bytes: 1048576}}
database: {{url: "{database}", connect_timeout: 2}}
record: {{commit_timeout: 2}}
providers:
  oai: {{dialect: openai, url: "{provider}/v1"}}
  ant: {{dialect: anthropic, url: "{provider}"}}
models:
  gpt: {{provider: oai, price: simulated}}
  slow: {{provider: oai, price: simulated}}
  claude: {{provider: ant, price: simulated}}
mcp:
  servers:
    sample: {{command: ["{python}", -m, app.demo.sample_mcp], folder: "{root}"}}
log: {{format: json}}
"""


class Program:
    """The command line on one profile and data folder, in an environment of its own."""

    def __init__(self, folder: Path, *, database: str = "", provider: str = "http://127.0.0.1:1") -> None:
        self.folder = folder
        self.database = database
        self.profile = folder / "profile.yaml"
        text = PROFILE.format(database=database, provider=provider, python=sys.executable, root=ROOT)
        if not database:
            text = text.replace('url: "", ', "")
        self.profile.write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        """The words that start it."""
        options = ["--profile", str(self.profile), "--data", str(self.folder / "data")]
        return [*sallyport(), *arguments, *options]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=clean(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def key(self, role: str = "developer", *, name: str = "robot") -> str:
        """An API key of a new service account, made on the command line."""
        made = self.run("service", "create", name, "--role", role)
        assert made.returncode == 0, made.stderr
        made = self.run("key", "create", name, "--json")
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)["token"]

    def start(self, *, crash_at: str = "") -> "Process":
        """Start `serve`; it is there when this returns. `crash_at` is a point of app/core/crash."""
        log = (self.folder / "log").open("ab")
        with log:
            process = subprocess.Popen(
                self.command("serve", "--json"),
                cwd=ROOT,
                env=clean() | ({"SALLYPORT_CRASH_AT": crash_at} if crash_at else {}),
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (self.folder / "log").read_text()
        return Process(process, json.loads(line)["url"], self)

    def crash(self, at: str, *arguments: str) -> int:
        """Run a command, `serve` unless named, that is to die at this point; its exit code."""
        done = subprocess.run(
            self.command(*(arguments or ("serve",))),
            cwd=ROOT,
            env=clean() | {"SALLYPORT_CRASH_AT": at},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode

    @contextmanager
    def serving(self) -> Iterator["Process"]:
        """Serve until the block ends."""
        process = self.start()
        try:
            yield process
        finally:
            process.end()

    def log(self) -> str:
        """What the servers said on standard error."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """Any question to the database."""
        with psycopg.connect(self.database, row_factory=dict_row) as conn:
            return conn.execute(statement, parameters).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


class Process:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, program: Program) -> None:
        self.process = process
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.program = program

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """The exit code."""
        return self.process.wait(timeout=seconds)

    def memory(self) -> int:
        """Resident bytes."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def end(self) -> None:
        """SIGTERM, and SIGKILL if that is not enough."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def sallyport() -> list[str]:
    """The words that start Sallyport."""
    file = os.environ.get("SALLYPORT_TEST_FILE")
    return [file] if file else [sys.executable, "-m", "app"]


def clean() -> dict[str, str]:
    """The environment without settings of whoever runs the tests; where a frozen file unpacks itself is none."""
    kept = ("SALLYPORT_RUNTIME_DIR",)
    return {
        name: value for name, value in os.environ.items() if name in kept or not name.startswith("SALLYPORT_")
    }


class Provider:
    """The simulated provider in a thread, remembering every request it got."""

    def __init__(self, scripts: Mapping[str, Script] = SCRIPTS) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.received: deque[Received] = deque()
        self._scripts = scripts
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        provider = SimulatedProvider(scripts=self._scripts, port=self.port)
        provider.received = self.received
        async with provider:
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> "Provider":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def spans(self) -> set[str]:
        """Trace and span of each request that arrived."""
        headers = [
            {name.lower(): value for name, value in got.headers.items()} for got in list(self.received)
        ]
        return {"-".join(found["traceparent"].split("-")[1:3]) for found in headers}


def until(true: Any, seconds: float = 60.0) -> Any:
    """Wait, blocking, for something to become true and return it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{true} did not become true in {seconds} s")
        time.sleep(0.05)
    return found
