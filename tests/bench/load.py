"""The two C programs: the upstream that everybody is put in front of, and the load driver."""

import json
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.bench.process import BenchError, Program, start

CORE = 1
EVENTS_A_STREAM = 21
"""Twenty chunks and the end mark, as `upstream.c` sends them."""
_HERE = Path(__file__).parent
_PROMPT = (
    "You keep the log of a small harbour and answer in two sentences. The pier has three berths, each with a number "
    "and a lamp. Boats are entered when they come in and struck out when they leave; the master counts each evening. "
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A kind of load, before it is aimed at a system."""

    name: str
    expected: str
    connections: int
    seconds: float
    warmup: float = 1.0
    rate: float = 0.0
    first: bool = False
    """Whether what takes part is scheduled ahead of other work."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """Where one system takes a scenario."""

    path: str
    body: dict[str, object]
    headers: dict[str, str] = field(default_factory=dict)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of the driver saw, and what it cost the system."""

    seconds: float
    ok: int
    bad: int
    failed: int
    events: int
    rps: float
    p50: float
    p99: float
    first_bad: str
    cpu_seconds: float = 0.0
    megabytes: float = 0.0
    """Resident memory of the system while the load was on it."""

    @property
    def cpu_us(self) -> float:
        """CPU microseconds a request."""
        return self.cpu_seconds * 1e6 / max(self.ok, 1)

    @property
    def event_cpu_us(self) -> float:
        """CPU microseconds a server-sent event."""
        return self.cpu_seconds * 1e6 / max(self.events, 1)


class Load:
    """Compiled once into `folder`; drives any port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("upstream", "driver"):
            _compile(_HERE / f"{name}.c", folder / name)

    def upstream(self, *, delay_ms: int) -> Program:
        """The provider and MCP server that answers after a delay."""
        port = free_port()
        process = start(
            ["taskset", "-c", str(CORE), str(self._folder / "upstream"), str(port), str(delay_ms)],
            log=self._folder / f"upstream-{delay_ms}.log",
        )
        time.sleep(0.2)
        return Program(name=f"upstream {delay_ms} ms", process=process, port=port)

    def drive(self, program: Program, aim: Aim, scenario: Scenario) -> Run:
        """One run; a system with more than a tenth of its answers bad is an error, not a figure."""
        body = self._folder / "body.json"
        # Without white space, as the vendors' SDKs write it.
        body.write_text(json.dumps(aim.body, separators=(",", ":"), ensure_ascii=False))
        ahead = ("chrt", "-r", "1") if scenario.first and _may_go_ahead() else ()
        command = [
            *ahead,
            *("taskset", "-c", str(CORE), str(self._folder / "driver"), "-p", str(program.port)),
            *("-u", aim.path, "-b", str(body), "-c", str(scenario.connections), "-d", str(scenario.seconds)),
            *("-w", str(scenario.warmup), "-r", str(scenario.rate), "-e", scenario.expected),
        ]
        for name, value in aim.headers.items():
            command += ["-H", f"{name}: {value}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as driver:
            assert driver.stdout is not None
            driver.stdout.readline()
            before, megabytes = program.cpu_seconds(), program.megabytes()
            line = driver.stdout.readline()
            spent = program.cpu_seconds() - before
        run = msgspec.structs.replace(
            msgspec.json.decode(line, type=Run), cpu_seconds=spent, megabytes=megabytes
        )
        if not run.ok or run.bad + run.failed > run.ok / 10:
            raise BenchError(
                f"{program.name}, {scenario.name}: {run.bad} bad, {run.failed} failed: {run.first_bad}"
            )
        return run


def chat(*, model: str = "bench-model", stream: bool = False, kilobytes: int = 1) -> dict[str, object]:
    """A chat completion of about so many kilobytes."""
    body: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": "system", "content": _PROMPT * 4 * kilobytes},
            {"role": "user", "content": "How many boats are back tonight?"},
        ],
        "temperature": 0.2,
    }
    return {**body, "stream": True} if stream else body


def tool_call(name: str) -> dict[str, object]:
    """An MCP tool call."""
    params = {"name": name, "arguments": {"pier": "north"}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _may_go_ahead() -> bool:
    return not subprocess.run(["chrt", "-r", "1", "true"], capture_output=True, check=False).returncode


def _compile(source: Path, target: Path) -> None:
    if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
        return
    try:
        subprocess.run(
            ["gcc", "-O2", "-o", str(target), str(source)], check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise BenchError("gcc is needed (Debian: apt-get install gcc libc6-dev)") from None
    except subprocess.CalledProcessError as error:
        raise BenchError(f"{source.name} does not compile: {error.stderr}") from None
