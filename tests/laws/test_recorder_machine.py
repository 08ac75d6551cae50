"""Whatever happens to the writer of the record: what it acknowledged is there once, and nothing else is left open."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.audit.event import Event
from app.audit.recorder import Recorder
from app.audit.recovery import close_orphans
from app.config.schema import Record
from app.core.canonical import digest
from app.core.clock import SystemClock
from app.core.errors import RecordUnavailableError
from app.db import Connection, connect
from tests.app.audit.test_recorder import event
from tests.laws.lossy import LossyWay

Fault = Literal["none", "kill", "swallow", "cut"]
Kind = Literal["intent", "outcome", "event", "large", "unstorable"]
KINDS = st.lists(
    st.sampled_from(["intent", "outcome", "event", "large", "unstorable"]), min_size=1, max_size=6
)
TICKS = st.integers(0, 6)
NODE = "law"


class Stored(msgspec.Struct, frozen=True):
    """A row as the database has it."""

    id: str
    kind: str
    call: str
    boot: str
    seq: int
    status: str


class RecorderMachine(RuleBasedStateMachine):
    """One node over several boots; `url` names its database."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.boots: list[str] = []
        self.sent: dict[str, Event] = {}
        self.acknowledged: set[str] = set()
        self.refused: set[str] = set()
        self.kept: set[str] = set()
        self.open: list[str] = []
        self.recorder: Recorder | None = None
        self.task: asyncio.Task[None] | None = None

    @initialize()
    def begin(self) -> None:
        self.admin = psycopg.connect(self.url, autocommit=True)
        self.way = self._do(self.stack.enter_async_context(LossyWay(self.url).open()))
        self._do(self._boot())

    @rule(kinds=KINDS, ticks=TICKS, fault=st.sampled_from(["none", "none", "kill", "swallow", "cut"]))
    def write(self, kinds: list[Kind], ticks: int, fault: Fault) -> None:
        """Rows of concurrent callers, and something that happens while they wait."""
        self._do(self._write(kinds, ticks, fault, cancel=0))

    @rule(
        kinds=KINDS, ticks=TICKS, fault=st.sampled_from(["none", "kill", "swallow"]), cancel=st.integers(1, 6)
    )
    def write_and_go_away(self, kinds: list[Kind], ticks: int, fault: Fault, cancel: int) -> None:
        """Some of the callers are cancelled meanwhile."""
        self._do(self._write(kinds, ticks, fault, cancel=cancel))

    @rule()
    def kill(self) -> None:
        """The connection dies while nobody waits; the next row is the first to notice."""
        self._kill()

    @precondition(lambda self: not self.way.closed)
    @rule()
    def go_away(self) -> None:
        """The database lets nobody in any more."""
        self.way.closed = True
        self.way.cut()

    @precondition(lambda self: self.way.closed)
    @rule()
    def come_back(self) -> None:
        self.way.closed = False

    @rule(stall=st.booleans())
    def refuse(self, stall: bool) -> None:
        """The database holds rows up beyond the time they have, or is read-only."""
        if self.way.closed:
            return
        if stall:
            with psycopg.connect(self.url) as blocker:
                blocker.execute("LOCK TABLE audit_events IN SHARE MODE")
                self._do(self._write(["intent", "event"], 0, "none", cancel=0))
        else:
            name = self.admin.info.dbname
            self.admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')  # pyright: ignore[reportArgumentType, reportCallIssue]
            self._kill()
            self._do(self._write(["intent", "event"], 3, "none", cancel=0))
            self.admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')  # pyright: ignore[reportArgumentType, reportCallIssue]

    @rule()
    def close_and_reopen(self) -> None:
        """A stop in order: what waits is written first."""
        self.way.closed = False
        self._do(self._settled())
        self._do(self._stop())
        self._do(self._boot())

    @rule(kinds=KINDS, ticks=TICKS)
    def die_and_restart(self, kinds: list[Kind], ticks: int) -> None:
        """The writer ends in the midst of rows; what nobody was told may be there or not."""
        self.way.closed = False
        self._do(self._die(kinds, ticks))
        self._do(self._boot())

    @invariant()
    def what_was_acknowledged_is_there_once_and_numbers_have_no_gap(self) -> None:
        if not self.boots:
            return
        rows = self._rows()
        ids = [row.id for row in rows]
        assert len(ids) == len(set(ids))
        assert self.acknowledged <= set(ids)
        for boot in self.boots:
            numbers = sorted(row.seq for row in rows if row.boot == boot)
            assert numbers == list(range(len(numbers)))

    @invariant()
    def at_rest_nothing_is_lost_and_nothing_refused_stands_open(self) -> None:
        if not self.boots or self.way.closed:
            return
        self._do(self._settled())
        rows = self._rows()
        there = {row.id: row for row in rows}
        closings: dict[str, list[Stored]] = {}
        for row in rows:
            if row.kind in ("outcome", "lost"):
                closings.setdefault(row.call, []).append(row)
        assert [call for call, found in closings.items() if len(found) > 1] == []
        assert self.kept <= set(there), "an outcome that was taken is missing"
        for intent in self.refused & set(there):
            assert [row.status for row in closings.get(intent, [])] in (["refused"], ["lost"]), intent
        for intent in self.open:
            assert intent not in closings, "a call under way was closed"
        for row in rows:
            made = row.id not in self.sent
            assert not made or (row.status in ("refused", "lost") and row.call not in self.open)
        earlier = {row.id for row in rows if row.kind == "intent" and row.boot != self.boots[-1]}
        assert earlier <= set(closings)

    def teardown(self) -> None:
        if self.task is not None:
            self.way.closed = False
            self._do(self._settled())
            self._do(self._stop())
        self._do(self.stack.aclose())
        self.loop.close()
        if self.boots:
            self.admin.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    async def _boot(self) -> None:
        async def dial() -> Connection:
            return await connect(self.way.url, purpose="law", timeout=1)

        boot = uuid4()
        self.recorder = Recorder(
            connect=dial, node=NODE, boot=boot, clock=SystemClock(), settings=Record(commit_timeout=0.2)
        )
        self.boots.append(str(boot))
        self.task = self.loop.create_task(self.recorder.run())
        await self.recorder.ready.wait()
        self.open.clear()
        async with await connect(self.url, purpose="law recovery") as conn:
            while await self._orphans(conn, boot):
                await asyncio.sleep(0.01)

    async def _orphans(self, conn: Connection, boot: UUID) -> bool:
        """Close what earlier boots left; whether one of them still has a living writer."""
        assert self.recorder is not None

        async def settle(_: list[UUID]) -> dict[UUID, int]:
            return {}

        await close_orphans(conn, recorder=self.recorder, clock=SystemClock(), settle=settle)
        cursor = await conn.execute(
            "SELECT 1 FROM audit_boots WHERE node = %s AND boot <> %s AND closed IS NULL", (NODE, boot)
        )
        return await cursor.fetchone() is not None

    async def _write(self, kinds: list[Kind], ticks: int, fault: Fault, *, cancel: int) -> None:
        tasks = self._start(kinds)
        for _ in range(ticks):
            await asyncio.sleep(0)
        if fault == "kill":
            self._kill()
        elif fault == "swallow":
            self.way.swallow()
        elif fault == "cut":
            self.way.cut()
        for _, task in tasks[:cancel]:
            task.cancel()
        for row, task in tasks:
            await asyncio.wait([task])
            self._told(row, task, began=ticks > 0)

    def _start(self, kinds: list[Kind]) -> list[tuple[Event, asyncio.Task[None]]]:
        assert self.recorder is not None
        started: list[tuple[Event, asyncio.Task[None]]] = []
        for kind in kinds:
            if kind == "outcome" and not self.open:
                continue
            row = self._row(kind)
            contents = [(digest(b"large"), b"large")] if kind == "large" else ()
            self.sent[row.id] = row
            started.append((row, self.loop.create_task(self.recorder.write(row, contents))))
        return started

    def _row(self, kind: Kind) -> Event:
        if kind == "outcome":
            return event("outcome", call=self.open.pop(), status="ok")
        if kind == "event":
            return event("event")
        return event("intent", body={"a": "\x00"} if kind == "unstorable" else {})

    def _told(self, row: Event, task: asyncio.Task[None], *, began: bool) -> None:
        """Remember what the caller knows now; a task that never began handed nothing over."""
        if not task.cancelled() and task.exception() is None:
            self.acknowledged.add(row.id)
            if row.kind == "intent":
                self.open.append(row.id)
            return
        assert task.cancelled() or isinstance(task.exception(), RecordUnavailableError)
        if row.kind == "intent":
            self.refused.add(row.id)
        elif began or not task.cancelled():
            self.kept.add(row.id)

    async def _settled(self) -> None:
        """Wait until the writer is connected and has nothing left to write."""
        assert self.recorder is not None
        while not self.recorder.available or self.recorder.waiting:
            await asyncio.sleep(0.002)

    async def _stop(self) -> None:
        assert self.recorder is not None
        assert self.task is not None
        self.recorder.close()
        await self.task

    async def _die(self, kinds: list[Kind], ticks: int) -> None:
        assert self.task is not None
        await self._settled()
        tasks = self._start(kinds)
        for _ in range(ticks):
            await asyncio.sleep(0)
        self.task.cancel()
        await asyncio.wait([self.task])
        for row, task in tasks:
            if task.done():
                self._told(row, task, began=ticks > 0)
                continue
            task.cancel()
            await asyncio.wait([task])
        # What only the dead writer had in its hands went with it; its calls are closed as lost.
        self.kept -= {row.id for row, _ in tasks}

    def _kill(self) -> None:
        self.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'sallyport law' AND datname = current_database()"
        )

    def _rows(self) -> list[Stored]:
        found = self.admin.execute(
            "SELECT id::text, kind, call::text, boot::text, seq, coalesce(status, '') FROM audit_events"
            " WHERE boot = ANY (%s::uuid[])",
            (self.boots,),
        ).fetchall()
        return [Stored(*row) for row in found]


def explore(database: str, *, examples: int, steps: int) -> None:
    machine = type("Machine", (RecorderMachine,), {"url": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_record_keeps_its_word_in_a_few_histories(database: str) -> None:
    explore(database, examples=4, steps=8)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_record_keeps_its_word_in_many_histories(database: str) -> None:
    explore(database, examples=40, steps=20)
