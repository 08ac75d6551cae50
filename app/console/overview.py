"""The first page and the health of the site."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.audit.reading import TALLIED_ROWS, Filter
from app.audit.store import Tally
from app.console.door import View, Visit
from app.console.sources import Finding, Sources

MINUTES = 30
_LATEST = 12
_LOOKS = frozenset({"audit.read", "console.view"})


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of the chart: permitted and denied calls, and their heights of a hundred."""

    start: datetime
    permitted: int
    denied: int
    permitted_height: float
    denied_height: float


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in the window."""

    permitted: int
    denied: int
    model_calls: int
    tool_calls: int
    tokens: int
    microdollars: int
    capped: bool


def totals(tallies: Sequence[Tally]) -> Totals:
    """The sums of all minutes, without permitted looks at the record."""
    capped = sum(tally.rows for tally in tallies) >= TALLIED_ROWS
    tallies = _worth_counting(tallies)

    def rows(kind: str, *actions: str) -> int:
        return sum(
            tally.rows for tally in tallies if tally.kind == kind and (not actions or tally.action in actions)
        )

    return Totals(
        permitted=rows("intent"),
        denied=rows("denial"),
        model_calls=rows("intent", "model.invoke"),
        tool_calls=rows("intent", "tool.call", "tool.use"),
        tokens=sum(tally.tokens for tally in tallies),
        microdollars=sum(tally.microdollars for tally in tallies),
        capped=capped,
    )


def _worth_counting(tallies: Sequence[Tally]) -> list[Tally]:
    """Reading a busy record must not make it look busier; refused looks count."""
    return [tally for tally in tallies if tally.kind == "denial" or tally.action not in _LOOKS]


def chart(tallies: Sequence[Tally], *, now: datetime) -> list[Minute]:
    """The last MINUTES minutes, oldest first, the present one last."""
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    found: dict[datetime, list[int]] = {
        first + timedelta(minutes=number): [0, 0] for number in range(MINUTES)
    }
    for tally in _worth_counting(tallies):
        if tally.minute in found and tally.kind in ("intent", "denial"):
            found[tally.minute][tally.kind == "denial"] += tally.rows
    most = max((sum(pair) for pair in found.values()), default=0) or 1
    return [
        Minute(
            start=start,
            permitted=permitted,
            denied=denied,
            permitted_height=_height(permitted, most),
            denied_height=_height(denied, most),
        )
        for start, (permitted, denied) in found.items()
    ]


def _height(number: int, most: int) -> float:
    """Something that happened is seen, however much else did."""
    return round(max(100 * number / most, 2.0), 1) if number else 0.0


def views(sources: Sources) -> list[View]:
    """`/console` and `/console/health`."""

    async def overview(visit: Visit) -> dict[str, Any]:
        now = sources.clock.now()
        tallies = await sources.reading.tallies(now - timedelta(minutes=MINUTES))
        return {
            "minutes": MINUTES,
            "totals": totals(tallies),
            "most": TALLIED_ROWS,
            "chart": chart(tallies, now=now),
            "lines": await sources.reading.calls(Filter(reads=False, limit=_LATEST)),
            "parts": parts(sources),
            "now": now,
        }

    async def health(visit: Visit) -> dict[str, Any]:
        return {
            "parts": parts(sources),
            "findings": await sources.findings(),
            "node": sources.recorder.node,
            "boot": str(sources.recorder.boot),
            "waiting": sources.recorder.waiting,
            "policy_hash": sources.engine.snapshot.hash,
            "policies": sorted(sources.engine.snapshot.documents),
            "backups": await asyncio.to_thread(sources.backups),
            "now": sources.clock.now(),
        }

    return [
        View(name="overview", path="/console", read=overview, record="calls"),
        View(name="health", path="/console/health", read=health),
    ]


def parts(sources: Sources) -> list[Finding]:
    """What a site cannot do without, as this node sees it now."""
    record = sources.recorder
    found = [
        Finding(
            check="Record",
            state="ok" if record.available else "fail",
            found="every decision is written before it takes effect"
            if record.available
            else "cannot be written",
            remedy="" if record.available else "Calls are refused until the database is back.",
        ),
        Finding(
            check="Policy",
            state="fail" if sources.engine.problem else "ok",
            found=sources.engine.problem or f"{len(sources.engine.snapshot.clauses)} rules in force",
            remedy="Apply a corrected document; until then only the built-in rules hold."
            if sources.engine.problem
            else "",
        ),
    ]
    servers = sources.servers()
    down = [line.name for line in servers if line.state in ("backing off", "held")]
    if servers:
        running = f"{len(servers) - len(down)} of {len(servers)} in reach"
        found.append(
            Finding(
                check="Tool servers",
                state="warn" if down else "ok",
                found=running,
                remedy=f"Not running: {', '.join(down)}." if down else "",
            )
        )
    return found
