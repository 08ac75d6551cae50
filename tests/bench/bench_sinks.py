"""What forwarding costs and how fast it is: `python -m tests.bench.bench_sinks`, in one run on one machine.

Rows a second: a record of so many rows, written before, goes into each kind of sink on loopback and disk. Ratio: tool
and AI calls of one process with four sinks against another without, turn by turn.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
from prometheus_client import CollectorRegistry
from psycopg.conninfo import make_conninfo

from app.audit.event import Event
from app.audit.recorder import Recorder
from app.audit.sinks import SinkMetrics, Sinks, Ways
from app.config.outward.sinks import Sink, SinkTls
from app.config.schema import Egress, Record
from app.config.secret import Secret
from app.core.clock import SystemClock
from app.core.ids import uuid7
from app.core.paths import resources
from app.db import Connection, connect, open_pool
from app.db.migrate import migrate, read_migrations
from app.egress import Connector, Destination, Destinations, Guard
from tests.cluster import cluster
from tests.faults.callers import ASK
from tests.fix_process import Program, Provider
from tests.fix_server import free_port
from tests.simulators.authority import Authority
from tests.simulators.collector import Scripted, Splunk

ROWS = 20_000
CALLS_AT_ONCE = 16
ROUND_SECONDS = 4.0
ROUNDS = 3


def row() -> Event:
    """As large as a usual intent."""
    name = str(uuid7())
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Event(
        id=name, time=now, kind="intent", call=name, trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        span_id="00f067aa0ba902b7", door="mcp", action="tool.call", resource_kind="tool", resource="files/read",
        actor_id="018f", actor_kind="service", actor="robot", client="claude-code/2.1", address="10.0.0.9",
        decision="permit", reason="permitted_by_rule", policy_hash="sha256:" + "ab" * 32, rule_ids=["starter/tools"],
        body={"arguments": {"path": "/srv/data/report.txt", "lines": 200}},
    )  # fmt: skip


async def fill(url: str) -> None:
    recorder = Recorder(
        connect=lambda: connect(url, purpose="record"),
        node="bench",
        boot=uuid4(),
        clock=SystemClock(),
        settings=Record(),
    )
    task = asyncio.create_task(recorder.run())
    await recorder.ready.wait()
    for _ in range(ROWS):
        recorder.post(row())
        if recorder.waiting > 5000:
            await asyncio.sleep(0.01)
    recorder.close()
    await task


class Drain:
    """A syslog server that reads and forgets."""

    def __init__(self) -> None:
        self.port = free_port()

    @asynccontextmanager
    async def running(self, authority: Authority | None) -> AsyncIterator[None]:
        async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(2**20):
                pass
            writer.close()

        tls = authority.server() if authority else None
        server = await asyncio.start_server(swallow, "127.0.0.1", self.port, ssl=tls)
        try:
            yield
        finally:
            server.close()


async def rate(url: str, name: str, sink: Sink, port: int) -> float:
    """Rows a second until the sink has all."""
    destinations = Destinations([Destination(name="bench", host="127.0.0.1", port=port)])
    ways = Ways(
        connector=Connector(destinations=destinations, guard=Guard(destinations)),
        egress=Egress(), sign=lambda text: text + "\n", clock=SystemClock(),
    )  # fmt: skip

    async def dial(purpose: str) -> Connection:
        return await connect(url, purpose=purpose)

    async with open_pool(url, size=2, timeout=5) as pool:
        sinks = Sinks(settings={name: sink}, pool=pool, connect=dial, clock=SystemClock())
        metrics = SinkMetrics(CollectorRegistry())
        started = time.perf_counter()
        running = asyncio.create_task(
            sinks.run(node="bench", ways=ways, record=Nobody(), metrics=metrics, random=lambda: 0.5)
        )
        while (await sinks.status(name)).delivered < ROWS:
            await asyncio.sleep(0.2)
        seconds = time.perf_counter() - started
        running.cancel()
        await asyncio.wait({running})
    return ROWS / seconds


class Nobody:
    def post(self, event: Event) -> None:
        raise AssertionError(f"nothing should be said: {event.action}")


async def rates(url: str, folder: Path) -> dict[str, float]:
    authority = Authority(folder / "authority")
    tls = SinkTls(ca=str(authority.ca))
    found: dict[str, float] = {}
    (folder / "gate").mkdir()
    for name, sink in {
        "file": Sink(kind="file", path=str(folder / "record.jsonl"), start="beginning"),
        "file, OCSF": Sink(kind="file", path=str(folder / "ocsf.jsonl"), format="ocsf", start="beginning"),
        "diode": Sink(kind="diode", path=str(folder / "gate"), start="beginning"),
    }.items():
        found[name] = await rate(url, name, sink, 1)
    for name, format_, secure in (("syslog TCP", "json", False), ("syslog TLS, CEF", "cef", True)):
        drain = Drain()
        async with drain.running(authority if secure else None):
            sink = Sink(
                kind="syslog", address=f"127.0.0.1:{drain.port}", protocol="tls" if secure else "tcp", format=format_,
                tls=tls if secure else SinkTls(), start="beginning",
            )  # fmt: skip
            found[name] = await rate(url, name, sink, drain.port)
    async with Splunk(authority.server(), acknowledge=True) as splunk:
        sink = Sink(
            kind="splunk", url=splunk.url, token=Secret("t0ken"), acknowledge=True, tls=tls, start="beginning"
        )
        found["Splunk TLS, acknowledged"] = await rate(url, "splunk", sink, splunk.port)
    async with Scripted(authority.server()) as collector:
        sink = Sink(kind="http", url=collector.url, tls=tls, start="beginning")
        found["HTTP TLS"] = await rate(url, "http", sink, collector.port)
    return found


async def calls(url: str, key: str) -> float:
    """Answers a second over one round."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"model": "gpt", "messages": ASK}
    done = 0
    end = time.perf_counter() + ROUND_SECONDS

    async def caller(session: aiohttp.ClientSession) -> None:
        nonlocal done
        while time.perf_counter() < end:
            async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as answer:
                if answer.status == 200:
                    done += 1
                await answer.read()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(caller(session) for _ in range(CALLS_AT_ONCE)))
    return done / ROUND_SECONDS


async def ratio(new_database: Callable[[], str], folder: Path) -> list[float]:
    """With four sinks against without, one figure a round."""
    with Provider() as provider:
        async with Splunk() as splunk:
            sinks = f"""
sinks:
  copy: {{kind: file, path: {folder}/hot.jsonl}}
  gate: {{kind: diode, path: {folder}/gate}}
  splunk: {{kind: splunk, url: "{splunk.url}", token: t0ken}}
  cef: {{kind: file, path: {folder}/hot.cef, format: cef}}
"""
            programs = []
            for name, text in (("with", sinks), ("without", "")):
                (folder / name).mkdir()
                program = Program(folder / name, database=new_database(), provider=provider.url)
                with program.profile.open("a", encoding="utf-8") as profile:
                    profile.write(text)
                key = await asyncio.to_thread(program.key)
                programs.append((program, key, await asyncio.to_thread(program.start)))
            found: list[float] = []
            for turn in range(ROUNDS + 1):
                rps = [await calls(process.url, key) for _, key, process in programs]
                if turn:
                    found.append(rps[0] / rps[1])
            for _, _, process in programs:
                await asyncio.to_thread(process.end)
            return found


async def prepared(url: str) -> str:
    async with await connect(url, purpose="bench") as conn:
        await migrate(conn, read_migrations(resources() / "migrations"))
    return url


def main() -> None:
    with cluster() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def new_database() -> str:
            return make_conninfo(server.url, dbname=server.new_database())

        url = asyncio.run(prepared(new_database()))
        asyncio.run(fill(url))
        with psycopg.connect(url) as conn:
            size: Any = conn.execute("SELECT avg(octet_length(entry))::int FROM audit_events").fetchone()
        sys.stdout.write(f"rows of {size[0]} bytes, {ROWS} of them\n")
        for sink, rows in asyncio.run(rates(url, folder)).items():
            sys.stdout.write(f"{sink:28} {rows:8,.0f} rows/s\n")
        found = asyncio.run(ratio(new_database, folder))
        sys.stdout.write(f"throughput with four sinks: {median(found):.3f} of that without ({found})\n")


if __name__ == "__main__":
    main()
