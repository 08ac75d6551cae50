"""A sealer on a real database with rows to seal, without a server around it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from prometheus_client import CollectorRegistry

from app.audit import store
from app.audit.event import Event
from app.audit.recorder import lock_key
from app.audit.rows import Row, numbered
from app.audit.sealing.outside import Outside
from app.audit.sealing.sealer import Sealer
from app.audit.sealing.state import SealState, happened
from app.audit.signing.keys import KeyFiles
from app.audit.signing.source import KeySource
from app.audit.tlog.checkpoint import parse_checkpoint
from app.audit.tlog.merkle import Frontier, leaf_hash
from app.audit.tlog.note import parse_note
from app.config.schema import Checkpoints, Record
from app.core.clock import SystemClock
from app.db import connect, open_pool
from app.jobs import Leader

CLOCK = SystemClock()


class Writer:
    """A boot that holds its place, and whose rows appear in the record as a recorder would commit them."""

    def __init__(self, url: str, node: str = "n1") -> None:
        self.url = url
        self.node = node
        self.boot = uuid4()
        self.seq = 0
        self._alive = psycopg.connect(url, autocommit=True)
        self._alive.execute("SELECT pg_advisory_lock(%s)", (lock_key(self.boot),))
        self._alive.execute(
            "INSERT INTO audit_boots (boot, node, started) VALUES (%s, %s, now())", (self.boot, node)
        )
        self._alive.execute("SELECT audit_ensure_partition(now())")

    def end(self) -> None:
        """The writer is gone."""
        self._alive.close()

    def write(self, count: int, **body: Any) -> None:
        """So many rows in one commit."""
        rows = [
            Row(happened("test", "row", now=CLOCK.now(), number=self.seq + n, **body), (), None)
            for n in range(count)
        ]
        insert(self.url, rows, node=self.node, boot=self.boot, first=self.seq)
        self.seq += count


def insert(url: str, rows: list[Row], *, node: str, boot: UUID, first: int) -> None:
    """Rows with their numbers, in one statement."""

    async def go() -> None:
        async with await connect(url, purpose="test") as conn:
            await store.insert_events(conn, numbered(rows, node=node, boot=str(boot), first=first), [])

    # A loop of its own: tests call this from a running one.
    thread = threading.Thread(target=lambda: asyncio.run(go()))
    thread.start()
    thread.join()


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a sealer."""

    url: str
    folder: Path
    sealer: Sealer
    state: SealState
    source: KeySource
    outside: Outside
    events: list[Event]

    def select(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Any question, as the database's owner."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(statement, parameters)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return cursor.fetchall() if cursor.description else []

    def entries(self, epoch: int = 1) -> list[bytes]:
        """The sealed entries in the order of the tree."""
        found = self.select(
            "SELECT e.entry FROM audit_leaves l JOIN audit_events e ON e.id = l.event"
            " WHERE l.epoch = %s ORDER BY l.leaf",
            epoch,
        )
        return [bytes(row[0]) for row in found]

    def head(self, epoch: int = 1) -> tuple[int, bytes, str]:
        """Size, root and note of a tree."""
        size, root, note = self.select("SELECT size, root, note FROM audit_heads WHERE epoch = %s", epoch)[0]
        checkpoint = parse_checkpoint(parse_note(note).text)
        assert (checkpoint.size, checkpoint.root) == (size, bytes(root))
        return size, bytes(root), note

    def tamper(self, *statements: str) -> None:
        """What the database's owner can do behind every trigger."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("SET session_replication_role = replica")
            for statement in statements:
                conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


def root_of(entries: Iterable[bytes]) -> bytes:
    """The root over entries, computed beside the sealer."""
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))
    return frontier.root()


@asynccontextmanager
async def workshop(
    url: str,
    folder: Path,
    *,
    seconds: float = 0.001,
    origin: str = "",
    keys: str = "",
    source: KeySource | None = None,
) -> AsyncIterator[Workshop]:
    """A sealer that does a step when it is told to."""
    settings = Record(origin=origin, keys=keys, checkpoints=Checkpoints(seconds=seconds))
    events: list[Event] = []
    state = SealState(registry=CollectorRegistry(), clock=CLOCK, post=events.append)
    source = source or KeyFiles(folder=folder, setting=keys, credentials=None)
    outside = Outside(folder=folder, file="", syslog="")
    async with open_pool(url, size=2, timeout=5) as pool:
        sealer = Sealer(
            leader=Leader(connect=lambda: connect(url, purpose="seal"), name="seal"),
            pool=pool,
            source=source,
            outside=outside,
            state=state,
            clock=CLOCK,
            settings=settings,
        )
        made = Workshop(
            url=url, folder=folder, sealer=sealer, state=state, source=source, outside=outside, events=events
        )
        try:
            yield made
        finally:
            await sealer._give_up()
