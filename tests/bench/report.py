"""What is shown: lines of JSON for programs, a table for people, both from the same figures."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.load import EVENTS_A_STREAM, Run
from tests.bench.measure import Results

BEGIN, END = "<!-- figures: begin (scripts/bench --write) -->", "<!-- figures: end -->"
_TITLES = {
    "chat": "Chat completions, 64 at once",
    "chat20": "Chat completions of 20 kB, 16 at once",
    "chat200": "Chat completions of 200 kB, 4 at once",
    "many": "Streams, 1,000 at once, 20 chunks a second each",
    "stream": "Streams, 32 at once, 20 chunks a second each",
    "mcp": "MCP tool calls, 16 at once",
    "added": "Chat completions, steadily 40 a second, upstream 50 ms",
}


def json_lines(figures: Sequence[Figure]) -> str:
    """One object a figure."""
    return "\n".join(json.dumps(_record(figure), ensure_ascii=False) for figure in figures)


def tables(figures: Sequence[Figure], results: Results, *, now: datetime, rounds: int) -> str:
    """The figures against their targets, and what every system did."""
    lines = [
        f"Measured {now:%Y-%m-%d}, {rounds} round{'s' if rounds > 1 else ''}, on {_machine()}.",
        "",
        "| | value | at least | aim | against | |",
        "|---|---:|---:|---:|---|---|",
        *(_row(figure) for figure in figures),
        "",
        "The runs behind them (medians; CPU is that of the gateway's own processes):",
        "",
        "| load | system | answers/s | p50 ms | p99 ms | CPU µs each | CPU µs a chunk |",
        "|---|---|---:|---:|---:|---:|---:|",
        *_run_rows(results),
        "",
        *_memory_lines(results),
    ]
    lines += [
        f"- {name} is missing: {' '.join(reason.split())[:200]}" for name, reason in results.missing.items()
    ]
    return "\n".join(lines).rstrip() + "\n"


def write(page: Path, text: str) -> None:
    """Replace what stands between the markers."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has lost its markers {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


def _record(figure: Figure) -> dict[str, object]:
    record: dict[str, object] = {
        "metric": figure.metric,
        "value": figure.value,
        "unit": figure.unit,
        "target": figure.target,
        "aim": figure.aim,
        "better": "higher" if figure.at_least else "lower",
        "met": figure.met,
        "peer": figure.peer,
    }
    return {**record, "note": figure.note} if figure.note else record


def _row(figure: Figure) -> str:
    sign = "≥" if figure.at_least else "≤"
    value = "not measured" if figure.value is None else f"{figure.value:g} {figure.unit}"
    verdict = {True: "met", False: "**missed**", None: ""}[figure.met]
    reached_aim = figure.value is not None and (
        figure.value >= figure.aim if figure.at_least else figure.value <= figure.aim
    )
    if reached_aim and figure.aim != figure.target:
        verdict = "aim reached"
    peer = figure.peer.replace("|", "/")
    return f"| {figure.metric} | {value} | {sign} {figure.target:g} | {sign} {figure.aim:g} | {peer} | {verdict} |"


def _run_rows(results: Results) -> list[str]:
    rows = []
    for (scenario, system), runs in results.runs.items():
        # Streams begin and end together: a window cuts them unevenly, so their events are counted.
        weight = EVENTS_A_STREAM if scenario in ("stream", "many") else 0
        cells = zip(*(_cells(run, weight) for run in runs), strict=True)
        rate, p50, p99, cpu = (statistics.median(values) for values in cells)
        chunk = f"{statistics.median(run.event_cpu_us for run in runs):.1f}" if weight else ""
        rows.append(
            f"| {_TITLES[scenario]} | {system} | {rate:,.0f} | {p50:.2f} | {p99:.2f} | {cpu:,.0f} | {chunk} |"
        )
    return rows


def _cells(run: Run, events: int) -> tuple[float, float, float, float]:
    """Answers a second, latencies, CPU an answer; of streams by their events."""
    if events:
        return run.events / events / run.seconds, run.p50, run.p99, run.event_cpu_us * events
    return run.rps, run.p50, run.p99, run.cpu_us


def _memory_lines(results: Results) -> list[str]:
    if not results.megabytes:
        return []
    parts = [f"{name} {size:,.0f} MB" for name, size in results.megabytes.items()]
    return [f"- Resident memory after the run: {'; '.join(parts)}."]


def _machine() -> str:
    model = "an unnamed processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}"
