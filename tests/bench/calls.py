"""What a governed tool call costs against the same server called directly: `python -m tests.bench.calls`.

Over stdio the server is the sample program; over HTTP it is the C upstream of the other benchmarks, which costs next to
nothing. Direct and through take turns in one run; one caller shows latency, sixteen show throughput.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.load import Aim, Load, Run, Scenario, free_port, tool_call
from tests.bench.ours import RECORDED, ROOT, start_ours
from tests.bench.process import BenchError, Program

ROUNDS = 3
SECONDS = 3.0
LOOK_UP = {"name": "lookup_ticket", "arguments": {"id": "T-1"}}
DESK = {
    "command": [sys.executable, "-m", "app.demo.sample_mcp"],
    "environment": {"PYTHONPATH": str(ROOT)},
    "read": [str(ROOT), str(Path(sys.prefix)), str(Path(sys.base_prefix))],
}
Figures = tuple[float, float]
"""Calls a second, and milliseconds of the median call."""


def pipes(at_once: int) -> Figures:
    """The sample program called through its pipes, with so many calls under way."""
    with subprocess.Popen(
        DESK["command"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        reader = process.stdout
        call = {"jsonrpc": "2.0", "method": "tools/call", "params": LOOK_UP}
        sent: dict[int, float] = {}
        took: list[float] = []
        began, number, rest = time.perf_counter(), 0, b""
        while (now := time.perf_counter()) - began < SECONDS or sent:
            while len(sent) < at_once and now - began < SECONDS:
                number += 1
                sent[number] = time.perf_counter()
                process.stdin.write(json.dumps({**call, "id": number}).encode() + b"\n")
            *lines, rest = (rest + reader.read(65536)).split(b"\n")
            if not all(b"Printer" in line for line in lines):
                raise BenchError("the sample program answered something else")
            took += [time.perf_counter() - sent.pop(json.loads(line)["id"]) for line in lines]
        process.stdin.close()
    return len(took) / (time.perf_counter() - began), statistics.median(took) * 1000


def driven(load: Load, program: Program, aim: Aim, *, expected: str, at_once: int) -> Figures:
    """Calls over HTTP, with so many connections."""
    run: Run = load.drive(
        program, aim, Scenario(name="calls", expected=expected, connections=at_once, seconds=SECONDS)
    )
    return run.rps, run.p50


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)
        load = Load(ROOT / ".cache" / "bench" / "load")
        upstream = load.upstream(delay_ms=0)
        ours, key = start_ours(
            name="Sallyport",
            module=RECORDED,
            folder=folder / "site",
            upstream=upstream.port,
            slow=free_port(),
            desk=DESK,
        )
        headers = {"Authorization": f"Bearer {key}"}
        desk = Aim(path="/mcp/desk", body={**tool_call(""), "params": LOOK_UP}, headers=headers)
        harbour = Aim(path="/mcp/harbour", body=tool_call("count"), headers=headers)
        bare = Aim(path="/mcp", body=tool_call("count"))
        found: dict[tuple[str, str, int], list[Figures]] = {}
        try:
            for _ in range(ROUNDS):
                for at_once in (1, 16):
                    told = {
                        ("stdio", "direct"): pipes(at_once),
                        ("stdio", "through"): driven(load, ours, desk, expected="Printer", at_once=at_once),
                        ("HTTP", "direct"): driven(
                            load, upstream, bare, expected="forty-two", at_once=at_once
                        ),
                        ("HTTP", "through"): driven(
                            load, ours, harbour, expected="forty-two", at_once=at_once
                        ),
                    }
                    for place, figures in told.items():
                        found.setdefault((*place, at_once), []).append(figures)
        finally:
            ours.end()
            upstream.end()
    sys.stdout.write("| server | way | calls/s, 16 at once | median ms, one caller |\n|---|---|---:|---:|\n")
    for kind in ("stdio", "HTTP"):
        for way in ("direct", "through"):
            rate = statistics.median(rps for rps, _ in found[kind, way, 16])
            median = statistics.median(p50 for _, p50 in found[kind, way, 1])
            sys.stdout.write(f"| {kind} | {way} | {rate:,.0f} | {median:.2f} |\n")


if __name__ == "__main__":
    main()
