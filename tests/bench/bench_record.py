"""Exporting and verifying the record: rows a second and peak memory, by the commands, in processes of their own.

`python -m tests.bench.bench_record --rows 1000000` prints a table for docs/performance.md. Rows go in through the
recorder's own statement and are sealed by the real sealer; the database is the embedded one.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from app.audit import store
from app.audit.event import Event
from app.audit.rows import Row, numbered
from app.core.ids import uuid7
from app.core.paths import postgres_home, resources
from app.db import connect
from app.db.embedded import Embedded
from app.db.migrate import migrate, read_migrations
from tests.app.audit.sealing.workshop import workshop

BATCH = 4000
ROOT = Path(__file__).resolve().parent.parent.parent


def call(number: int) -> list[Event]:
    """Intent and outcome of a tool call as agents make them."""
    intent = str(uuid7())
    about: dict[str, Any] = {"call": intent, "trace_id": f"{number:032x}", "span_id": f"{number:016x}"}
    time_ = (
        f"2026-11-21T10:{number // 1_000_000 % 60:02}:{number // 100_000 % 60:02}.{number % 1_000_000:06}Z"
    )
    about |= {"time": time_, "action": "tool.call", "resource_kind": "tool", "resource": "files/read_file"}
    decided = Event(
        id=intent, kind="intent", door="mcp", actor_id=f"service-{number % 50}", actor_kind="service",
        actor=f"robot-{number % 50}", client="agent/1.0", session=f"session-{number % 500}", credential="key-1",
        decision="permit", reason="allowed", policy_hash="sha256:" + "ab" * 32, rule_ids=["developers-read"],
        body={"arguments": {"path": f"/srv/reports/{number}.md", "limit": 4000}}, **about,
    )  # fmt: skip
    settled = Event(
        id=str(uuid7()), kind="outcome", status="ok", latency_us=1800 + number % 700,
        body={"result": {"content": [{"type": "text", "text": f"Report {number}: nothing unusual. " * 4}]}}, **about,
    )  # fmt: skip
    return [decided, settled]


async def fill(url: str, rows: int) -> int:
    """Rows of one boot; their bytes on disk."""
    boot = uuid4()
    async with await connect(url, purpose="bench") as conn:
        await migrate(conn, read_migrations(resources() / "migrations"))
        await conn.execute("INSERT INTO audit_boots (boot, node, started) VALUES (%s, 'n1', now())", (boot,))
        for first in range(0, rows, BATCH):
            events = [event for number in range(first // 2, (first + BATCH) // 2) for event in call(number)]
            batch = [Row(event, (), None) for event in events]
            await store.insert_events(conn, numbered(batch, node="n1", boot=str(boot), first=first), [])
        await conn.execute("ANALYZE")
        cursor = await conn.execute(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'audit_events'::regclass"
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def seal(url: str, folder: Path) -> None:
    """Seal everything, as the leader of a site does."""
    async with workshop(url, folder) as shop:
        await shop.sealer.step()


WATCHED = (
    "import atexit, runpy, sys\n"
    "def peak():\n"
    "    lines = open('/proc/self/status').read().splitlines()\n"
    "    open(sys.argv[-1], 'w').write(next(line.split()[1] for line in lines if line.startswith('VmHWM')))\n"
    "peak_file = sys.argv.pop(1)\n"
    "atexit.register(lambda: (sys.argv.append(peak_file), peak()))\n"
    "runpy.run_module('app', run_name='__main__', alter_sys=True) if sys.argv[1] == 'audit'"
    " else (sys.argv.pop(0), runpy.run_path(sys.argv[0], run_name='__main__'))\n"
)
"""Runs our command, or a script, and leaves its own peak of resident memory in a file; rusage would tell the parent's."""


class Run(msgspec.Struct):
    """One command: seconds by the clock, seconds of its own processor time, peak memory in MB."""

    seconds: float
    cpu: float
    memory: float


def command(folder: Path, *words: object) -> Run:
    """Run a command to its end."""
    peak = folder / "peak"
    begun = time.monotonic()
    arguments = [sys.executable, "-c", WATCHED, str(peak), *map(str, words)]
    devnull = os.open(os.devnull, os.O_WRONLY)
    pid = os.posix_spawn(
        sys.executable,
        arguments,
        {**os.environ, "PYTHONPATH": str(ROOT)},
        file_actions=[(os.POSIX_SPAWN_DUP2, devnull, 1)],
    )
    os.close(devnull)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{words} failed")
    return Run(time.monotonic() - begun, usage.ru_utime + usage.ru_stime, int(peak.read_text()) / 1024)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", default=None, help="where the database and the export go")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="sallyport-record-", dir=options.folder))
    folder.chmod(0o711)
    server = Embedded(folder=folder / "postgres", home=postgres_home(), password_file=folder / "password")
    asyncio.run(server.start())
    try:
        measure(folder, server.url, options.rows)
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(folder)


def measure(folder: Path, url: str, rows: int) -> None:
    """Fill, seal, then each command in turn."""
    data = folder / "data"
    data.mkdir()
    profile = folder / "profile.json"
    profile.write_text(json.dumps({"database": {"url": url}}))
    stored = asyncio.run(fill(url, rows))
    begun = time.monotonic()
    asyncio.run(seal(url, data))
    sealed = time.monotonic() - begun
    site = ("--profile", profile, "--data", data)
    out = folder / "export"
    runs = {
        "`audit verify` of the database": command(folder, "audit", "verify", *site),
        "`audit export`": command(folder, "audit", "export", "--wait", 0, "--output", out, *site),
        "`audit verify` of the export": command(folder, "audit", "verify", out),
        "`verify.py` of the export": command(folder, out / "verify.py", out),
    }
    exported = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    lines = [
        f"| at {rows:,} rows | rows/s | rows a second of its processor | peak memory |",
        "|---|---:|---:|---:|",
        f"| sealing | {rows / sealed:,.0f} | | |",
    ]
    for name, run in runs.items():
        lines.append(f"| {name} | {rows / run.seconds:,.0f} | {rows / run.cpu:,.0f} | {run.memory:.0f} MB |")
    print("\n".join(lines))  # noqa: T201
    per_call = f"{2 * stored / rows:,.0f} bytes in the database with indexes, {2 * exported / rows:,.0f} in an export"
    print(f"\nA call of two rows takes {per_call}.")  # noqa: T201


if __name__ == "__main__":
    main()
