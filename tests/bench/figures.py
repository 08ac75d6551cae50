"""The figures and what they are held against."""

import statistics
from collections.abc import Callable
from typing import Any

import msgspec

from tests.bench.load import Run
from tests.bench.measure import DIRECT, OURS, UNRECORDED_NAME, Results


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. Without a value it could not be measured, and `note` says why."""

    metric: str
    value: float | None
    unit: str
    target: float
    aim: float
    at_least: bool
    peer: str
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target holds."""
        if self.value is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def compute(results: Results) -> list[Figure]:
    """Every figure of the spine."""

    def against(metric: str, scenario: str, peer: str, of: Callable[[Run], float], **rest: Any) -> Figure:
        name = peer.partition(" ")[0] if peer not in (UNRECORDED_NAME, DIRECT) else peer
        shown = f"{peer} {results.versions[name]}" if name in results.versions else peer
        value, note = _ratio(results, scenario, name, of)
        return Figure(metric=metric, value=value, note=note, peer=shown, **rest)

    rps: Callable[[Run], float] = lambda run: run.rps  # noqa: E731

    def _by_nginx(metric: str, scenario: str) -> Figure:
        return against(
            metric, scenario, "nginx", lambda run: run.cpu_us, unit="x", target=6, aim=3, at_least=False
        )

    return [
        against("chat requests/s against LiteLLM", "chat", "LiteLLM", rps, unit="x", target=100, aim=250, at_least=True),
        against("chat requests/s against Portkey", "chat", "Portkey", rps, unit="x", target=12, aim=30, at_least=True),
        against(
            "CPU a request", "chat", "nginx", lambda run: run.cpu_us, unit="x", target=6, aim=3, at_least=False
        ),
        _by_nginx("CPU a request, 20 kB", "chat20"),
        _by_nginx("CPU a request, 200 kB", "chat200"),
        against(
            "recorded throughput", "chat", UNRECORDED_NAME, lambda run: run.rps * 100,
            unit="%", target=40, aim=60, at_least=True,
        ),
        _added("added p50 at 40/s, upstream 50 ms", results, lambda run: run.p50, target=3, aim=1.5),
        _added("added p99 at 40/s, upstream 50 ms", results, lambda run: run.p99, target=8, aim=5),
        against(
            "CPU a streamed chunk", "stream", "nginx", lambda run: run.event_cpu_us,
            unit="x", target=2, aim=1.3, at_least=False,
        ),
        against(
            "CPU a chunk, 1,000 streams open", "many", "nginx", lambda run: run.event_cpu_us,
            unit="x", target=2, aim=1.3, at_least=False,
        ),
        against(
            "CPU a request against a bare pass-through", "chat", "aiohttp", lambda run: run.cpu_us,
            unit="x", target=1, aim=0.5, at_least=False,
        ),
        against(
            "MCP tool calls, 16 at once", "mcp", "ContextForge", rps, unit="x", target=200, aim=700, at_least=True
        ),
        Figure(
            metric="memory after the run", value=round(results.megabytes[OURS], 1), unit="MB",
            target=100, aim=70, at_least=False, peer="",
        ),
        *_memory(results),
    ]  # fmt: skip


def _memory(results: Results) -> list[Figure]:
    """What the process takes while a thousand streams are open; nothing, where that was not measured."""
    runs = results.runs.get(("many", OURS), [])
    value = round(statistics.median(run.megabytes for run in runs), 1) if runs else None
    return [
        Figure(
            metric="memory, 1,000 streams open", value=value, unit="MB", target=150, aim=100, at_least=False,
            peer="", note="" if runs else "not measured",
        )
    ]  # fmt: skip


def bundle_figure(entry: dict[str, Any]) -> Figure:
    """A figure of the one file, all of which are upper bounds."""
    target = float(entry["target"])
    metric, _, unit = str(entry["metric"]).rpartition(", ")
    return Figure(
        metric=metric,
        value=entry["value"],
        unit=unit,
        target=target,
        aim=float(entry.get("aim", target)),
        at_least=False,
        peer=str(entry.get("peer", "")),
    )


def _ratio(
    results: Results, scenario: str, peer: str, of: Callable[[Run], float]
) -> tuple[float | None, str]:
    """Ours against the peer's, round by round, and the median of that."""
    mine, theirs = results.runs.get((scenario, OURS), []), results.runs.get((scenario, peer), [])
    if not theirs or not mine:
        return None, results.missing.get(peer, "not measured")
    percent = 100 if peer == UNRECORDED_NAME else 1
    ratios = [of(a) / of(b) * percent for a, b in zip(mine, theirs, strict=False)]
    return round(statistics.median(ratios), 2), ""


def _added(metric: str, results: Results, of: Callable[[Run], float], *, target: float, aim: float) -> Figure:
    """The median difference. Below nothing it is the machine's noise, and no figure."""
    pairs = zip(results.runs["added", OURS], results.runs["added", DIRECT], strict=True)
    value = round(statistics.median(of(mine) - of(direct) for mine, direct in pairs), 2)
    figure = Figure(
        metric=metric, value=value, unit="ms", target=target, aim=aim, at_least=False, peer=DIRECT
    )
    if value >= 0:
        return figure
    return msgspec.structs.replace(figure, value=None, note="the upstream itself was disturbed in this run")
