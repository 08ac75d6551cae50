"""The writer: durable before it returns, whatever the database does."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from app.audit.event import Event
from app.audit.recorder import Recorder
from app.audit.recovery import close_orphans
from app.config.schema import Record
from app.core.clock import SystemClock
from app.core.errors import RecordUnavailableError
from app.core.ids import uuid7
from app.db import Connection, connect

CLOCK = SystemClock()


def event(kind: str = "intent", *, call: str = "", **members: object) -> Event:
    now = CLOCK.now()
    row_id = str(uuid7(now_us=int(now.timestamp() * 1_000_000)))
    return Event(
        id=row_id,
        time=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        kind=kind,  # pyright: ignore[reportArgumentType]
        call=call or row_id,
        **members,  # pyright: ignore[reportArgumentType]
    )


@asynccontextmanager
async def recording(url: str, *, node: str = "n1", settings: Record | None = None) -> AsyncIterator[Recorder]:
    async def dial() -> Connection:
        return await connect(url, purpose="record", timeout=1)

    recorder = Recorder(connect=dial, node=node, boot=uuid4(), clock=CLOCK, settings=settings or Record())
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        await recorder.ready.wait()
        yield recorder
        recorder.close()


async def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    async with await connect(url, purpose="test") as conn:
        return await (await conn.execute(statement)).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


async def kill_writer(url: str) -> None:
    await rows(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'sallyport record' AND datname = current_database()",
    )


async def test_columns_come_out_of_the_hashed_bytes(database: str) -> None:
    async with recording(database) as recorder:
        written = event(
            actor="änne", rule_ids=["a", "b"], body={"arguments": {"q": 'x"\\y\n'}}, microdollars=7
        )
        await recorder.write(written)
        found = await rows(
            database,
            "SELECT id::text, actor, rule_ids, body->'arguments'->>'q', microdollars, entry FROM audit_events",
        )
    assert found == [(written.id, "änne", ["a", "b"], 'x"\\y\n', 7, written.entry())]


async def test_sequence_has_no_gap_over_many_concurrent_rows(database: str) -> None:
    async with recording(database) as recorder:
        await asyncio.gather(*(recorder.write(event()) for _ in range(700)))
        found = await rows(
            database, "SELECT array_agg(seq ORDER BY seq), count(DISTINCT xmin::text) FROM audit_events"
        )
    assert found[0][0] == list(range(700))
    assert int(str(found[0][1])) < 100  # grouped, not one commit a row


async def test_killed_connection_refuses_and_comes_back(database: str) -> None:
    async with recording(database) as recorder:
        await recorder.write(event())
        await kill_writer(database)
        with pytest.raises(RecordUnavailableError):
            await recorder.write(event())
        while not recorder.available:
            await asyncio.sleep(0.01)
        await recorder.write(event())
        found = await rows(database, "SELECT array_agg(seq ORDER BY seq) FROM audit_events")
    assert found[0][0] == [0, 1]


async def test_outcome_survives_a_killed_connection(database: str) -> None:
    async with recording(database) as recorder:
        intent = event()
        await recorder.write(intent)
        await kill_writer(database)
        recorder.post(event("outcome", call=intent.id, status="ok"))
        while not await rows(database, "SELECT 1 FROM audit_events WHERE kind = 'outcome'"):
            await asyncio.sleep(0.01)
    assert await rows(database, "SELECT status FROM governance_decisions") == [("ok",)]


async def test_outcome_while_the_database_is_away_is_kept_and_leaves_no_stray_failure(database: str) -> None:
    reachable = True
    attempts = 0

    async def dial() -> Connection:
        nonlocal attempts
        attempts += 1
        if not reachable:
            raise OSError("the database is away")
        return await connect(database, purpose="record", timeout=1)

    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
    recorder = Recorder(connect=dial, node="n1", boot=uuid4(), clock=CLOCK, settings=Record())
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        await recorder.ready.wait()
        reachable = False
        await kill_writer(database)
        with pytest.raises(RecordUnavailableError):
            await recorder.write(event())
        with pytest.raises(RecordUnavailableError):
            await recorder.write(event("outcome"))
        seen = attempts
        while attempts < seen + 2:
            await asyncio.sleep(0.02)
        reachable = True
        recorder.close()
    gc.collect()
    assert complaints == []
    assert await rows(database, "SELECT kind FROM audit_events") == [("outcome",)]


async def test_one_unstorable_row_harms_no_other(database: str) -> None:
    async with recording(database) as recorder:
        bad = event(body={"a": "\x00"})
        results = await asyncio.gather(
            *(recorder.write(row) for row in [event(), bad, event()]), return_exceptions=True
        )
        found = await rows(database, "SELECT array_agg(seq ORDER BY seq) FROM audit_events")
    assert [type(result) for result in results] == [type(None), RecordUnavailableError, type(None)]
    assert found[0][0] == [0, 1]


async def test_cancelled_caller_leaves_no_open_intent(database: str) -> None:
    async with recording(database) as recorder:
        task = asyncio.ensure_future(recorder.write(event()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await recorder.write(event("event"))
    assert ("open",) not in await rows(database, "SELECT status FROM governance_decisions")


async def test_rows_cannot_be_changed_or_removed(database: str) -> None:
    async with recording(database) as recorder:
        await recorder.write(event())
    for statement in (
        "UPDATE audit_events SET actor = 'x'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rows(database, statement)


async def test_intents_of_a_dead_boot_are_closed_as_lost(database: str) -> None:
    settled: list[UUID] = []

    async def settle(calls: list[UUID]) -> dict[UUID, int]:
        settled.extend(calls)
        return dict.fromkeys(calls, 70)

    async with recording(database) as dead:
        open_intent, closed_intent = event(), event()
        await dead.write(open_intent)
        await dead.write(closed_intent)
        await dead.write(event("outcome", call=closed_intent.id, status="ok"))
    async with recording(database) as alive, await connect(database, purpose="test") as conn:
        await alive.write(event())
        assert await close_orphans(conn, recorder=alive, clock=CLOCK, settle=settle) == 1
        assert await close_orphans(conn, recorder=alive, clock=CLOCK, settle=settle) == 0
    assert [str(call) for call in settled] == [open_intent.id]
    found = await rows(database, "SELECT status FROM governance_decisions ORDER BY time")
    assert found == [("lost",), ("ok",), ("open",)]
    assert await rows(database, "SELECT microdollars FROM audit_events WHERE kind = 'lost'") == [(70,)]


async def test_other_nodes_intents_are_left_alone(database: str) -> None:
    async def settle(_: list[UUID]) -> dict[UUID, int]:
        return {}

    async with recording(database, node="n2") as other, recording(database) as mine:
        await other.write(event())
        async with await connect(database, purpose="test") as conn:
            assert await close_orphans(conn, recorder=mine, clock=CLOCK, settle=settle) == 0
