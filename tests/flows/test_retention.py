"""Months that are over go under sealed statements; what is held, unsealed or explains the rest stays."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.audit.event import Event
from app.audit.retention import NewHold
from app.audit.retention.holds import LIFT, SET
from app.audit.retention.retention import RUN
from app.audit.tlog.note import parse_key, parse_note
from app.audit.tlog.signing import verify
from app.audit.verify import Anchors, Connections, Report, Surroundings, verify_database
from app.cli.audit.outside import published, statements
from app.core.call import Resource
from app.core.canonical import digest
from app.core.ids import uuid7
from app.server.first_run import host_call
from tests.fix_server import Serve, Served, until

pytestmark = pytest.mark.slow

MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 10, 12, tzinfo=UTC)
PROFILE = "record: {retention: {anonymous: 30, reads: 30, ai: 60, tools: 90, admin: forever}}"
BIG = b'{"big":true}'


async def call(
    served: Served, at: datetime, action: str, *, contents: bytes = b"", **members: Any
) -> tuple[Event, Event | None]:
    """A call of long ago: the recorder takes whatever time a row says."""
    kind = "denial" if members.get("actor_kind") == "anonymous" else "intent"
    body = {"contents": [digest(contents)], "arguments": {"sha256": digest(contents)}} if contents else {}
    intent = _row(at, kind, action, body=body, **members)
    await served.site.recorder.write(intent, [(digest(contents), contents)] if contents else ())
    if kind == "denial":
        return intent, None
    outcome = _row(at + timedelta(seconds=1), "outcome", action, call=intent.id, status="ok")
    await served.site.recorder.write(outcome)
    return intent, outcome


def _row(at: datetime, kind: Any, action: str, *, call: str = "", **members: Any) -> Event:
    row = str(uuid7(now_us=int(at.timestamp() * 1_000_000)))
    return Event(
        id=row,
        time=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        kind=kind,
        call=call or row,
        action=action,
        **members,
    )


async def history(serve: Serve) -> Served:
    """A served site with a partition for each month and some calls in it, all sealed."""
    served = await serve(PROFILE)
    for month in (MARCH, APRIL):
        served.select("SELECT audit_ensure_partition(%s)", month)
        await call(served, month, "model.invoke", resource_kind="model", resource="m")
        await call(served, month, "tool.call", resource_kind="tool", resource="s/t", contents=BIG)
        await call(served, month, "model.invoke", actor_kind="anonymous")
        await call(served, month, "audit.read")
    await sealed(served)
    return served


async def sealed(served: Served) -> None:
    await until(
        lambda: (
            not served.select(
                "SELECT 1 FROM audit_events e WHERE NOT audit_is_sealed(e.boot, e.seq) AND e.time < '2026-06-01'"
            )
        )
    )


async def verified(served: Served) -> Report:
    """The live record, verified with what was published outside the database."""
    site = served.site
    await until(
        lambda: not served.select("SELECT 1 FROM audit_events e WHERE NOT audit_is_sealed(e.boot, e.seq)")
    )
    around = Surroundings(checkpoints=list(published(site)), statements=statements(site), witnesses=[])
    async with await site.connection("verify") as ahead, await site.connection("verify") as other:
        return await verify_database(Connections(ahead, other), Anchors(), around, lambda done, total: None)


async def run(served: Served) -> list[Any]:
    async with served.site.admission.admit(host_call(RUN, Resource("record", "retention"))) as passage:
        return await served.site.keeping.retention.run(passage)


async def hold(served: Served, **wanted: Any) -> UUID:
    async with served.site.admission.admit(host_call(SET, Resource("hold", "new"))) as passage:
        return (await served.site.keeping.holds.set(passage, NewHold(reason="case 4711", **wanted))).hold


def left(served: Served, month: datetime) -> list[tuple[str, str]]:
    return [
        (row["kind"], row["action"])
        for row in served.select(
            "SELECT kind, action FROM audit_events WHERE time >= %s AND time < %s ORDER BY id",
            month.replace(day=1),
            month.replace(day=1, month=month.month + 1),
        )
    ]


async def test_months_that_are_over_go_as_tables_under_a_sealed_statement(serve: Serve) -> None:
    served = await history(serve)
    before = {
        (row["epoch"], row["leaf"]): row["entry"]
        for row in served.select(
            "SELECT l.epoch, l.leaf, e.entry FROM audit_leaves l JOIN audit_events e ON e.id = l.event ORDER BY 1, 2"
        )
    }
    plan = await served.site.keeping.retention.plan()
    assert [(f"{due.month:%m}", due.rows, due.held, due.whole) for due in plan] == [
        ("03", 7, 0, True),
        ("04", 7, 0, True),
    ]
    tiles = served.select("SELECT * FROM audit_tiles WHERE level = 0 ORDER BY index")
    removed = await run(served)
    assert [one.rows for one in removed] == [7, 7]
    assert left(served, MARCH) == left(served, APRIL) == []
    assert served.select("SELECT to_regclass('audit_events_2026_03') AS name") == [{"name": None}]
    assert served.select("SELECT 1 FROM audit_contents") == []
    after = served.select("SELECT * FROM audit_tiles WHERE level = 0 ORDER BY index")
    assert after[0]["hashes"].startswith(tiles[0]["hashes"])
    (statement, _) = served.select("SELECT body FROM audit_events WHERE action = 'record.drop' ORDER BY id")
    said = statement["body"]
    gone = [before[said["epoch"], leaf] for first, ends in said["leaves"] for leaf in range(first, ends)]
    leaves = [hashlib.sha256(b"\0" + bytes(entry)).digest() for entry in gone]
    assert said["sha256"] == hashlib.sha256(b"".join(leaves)).hexdigest()
    assert {json.loads(bytes(entry))["time"][:7] for entry in gone} == {"2026-03"}
    report = await verified(served)
    assert (report.verdict, report.faults) == ("intact", [])
    assert "14 rows were dropped under a signed statement" in report.notices


async def test_statement_outside_is_signed_by_the_key_of_the_log(serve: Serve) -> None:
    served = await history(serve)
    (first, _) = await run(served)
    (row, *_) = served.site.keeping.erasures.statements.read()
    assert row.id == str(first.statement)
    note = parse_note(row.note)
    keys = [
        parse_key(one["key"]) for one in served.select("SELECT key FROM audit_log_keys WHERE algorithm = 1")
    ]
    verify(note, keys[0])
    header, origin, line = note.text.splitlines()
    assert (header, origin) == ("sallyport-statement/1", keys[0].name)
    assert json.loads(line)["leaves"] == row.said["leaves"]


async def test_class_that_is_over_goes_out_of_a_month_that_stays(serve: Serve) -> None:
    served = await history(serve)
    await call(served, MARCH, "admin.group.create")
    await sealed(served)
    await hold(served, resource="tool:s/t")
    plan = await served.site.keeping.retention.plan()
    assert [(due.rows, due.held) for due in plan] == [(5, 2), (5, 2)]
    await run(served)
    assert sorted(left(served, MARCH)) == [
        ("intent", "admin.group.create"), ("intent", "tool.call"),
        ("outcome", "admin.group.create"), ("outcome", "tool.call"),
    ]  # fmt: skip
    assert served.select("SELECT count(*) AS kept FROM audit_contents") == [{"kept": 1}]


async def test_what_was_held_goes_after_the_hold_is_lifted(serve: Serve) -> None:
    served = await history(serve)
    (wanted,) = (await hold(served, starts=MARCH - timedelta(days=1), ends=MARCH + timedelta(days=1)),)
    await run(served)
    assert len(left(served, MARCH)) == 7
    assert left(served, APRIL) == []
    assert [(due.rows, due.held) for due in await served.site.keeping.retention.plan()] == [(0, 7)]
    async with served.site.admission.admit(host_call(LIFT, Resource("hold", str(wanted)))) as passage:
        await served.site.keeping.holds.lift(passage, wanted)
    await run(served)
    assert left(served, MARCH) == []


async def test_nothing_goes_without_a_sealed_statement(serve: Serve) -> None:
    served = await history(serve)
    for statement in (
        "DELETE FROM audit_events", "DELETE FROM audit_contents", "TRUNCATE audit_contents",
        "UPDATE audit_contents SET bytes = ''", "SELECT audit_remove(gen_random_uuid())",
        "SELECT audit_remove((SELECT id FROM audit_events LIMIT 1))",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            served.select(statement)


async def test_statement_that_says_too_much_removes_nothing(serve: Serve) -> None:
    served = await history(serve)
    ((span,),) = [tuple(row.values()) for row in served.select("SELECT count(*) FROM audit_events")]
    body = {
        "statement": "drop", "month": "2026-03-01T00:00:00+00:00", "classes": ["ai"], "epoch": 1, "leaves": [[0, span]],
        "rows": span, "held": 0, "whole": True,
    }  # fmt: skip
    event = _row(served.site.clock.now(), "event", "record.drop", body=body)
    await served.site.recorder.write(event)
    await until(lambda: served.select("SELECT 1 FROM audit_leaves WHERE event = %s", event.id))
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        served.select("SELECT audit_remove(%s)", event.id)
    assert len(left(served, MARCH)) == 7


async def test_unsealed_rows_stay(serve: Serve) -> None:
    served = await history(serve)
    served.select("SELECT audit_ensure_partition(%s)", MARCH.replace(month=5))
    with psycopg.connect(served.database) as conn:
        conn.execute(
            "INSERT INTO audit_events (id, time, kind, call, node, boot, seq, action, entry)"
            " VALUES (%(id)s, '2026-05-10T10:00:00Z', 'denial', %(id)s, 'else', gen_random_uuid(), 0, 'model.invoke', '')",
            {"id": str(uuid7())},
        )
    plan = await served.site.keeping.retention.plan()
    assert [(due.rows, due.unsealed) for due in plan][2:] == [(0, 1)]
    await run(served)
    assert left(served, MARCH.replace(month=5)) == [("denial", "model.invoke")]
