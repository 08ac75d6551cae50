"""No single change of what is stored goes unnoticed, though its author owns the database and no trigger fires."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.audit.verify import Anchors, Connections, Report, Surroundings, verify_database
from app.db import Connection, connect
from tests.app.audit.sealing.workshop import Writer, workshop

Sealed = tuple[str, list[tuple[str, bytes]]]
CONTENT = b"beside the row" * 100

UUIDS = {"id", "call", "boot", "subject", "resource_subject"}
COLUMNS = [
    "id", "time", "kind", "call", "node", "boot", "seq", "trace_id", "span_id", "parent_id", "door", "action",
    "resource_kind", "resource", "actor_id", "actor_kind", "actor", "client", "address", "agent", "session",
    "credential", "decision", "reason", "policy_hash", "rule_ids", "status", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "microdollars", "latency_us", "body",
    "subject", "resource_subject",
]  # fmt: skip


@pytest.fixture
async def sealed(database: str, tmp_path: Path) -> Sealed:
    """Rows of two writers, sealed in three steps, the last few rows not; and what was published outside."""
    from hashlib import sha256

    digest = "sha256:" + sha256(CONTENT).hexdigest()
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("INSERT INTO audit_contents (digest, bytes) VALUES (%s, %s)", (digest, CONTENT))
    writers = [Writer(database, node="n1"), Writer(database, node="n2")]
    async with workshop(database, tmp_path) as shop:
        for count in (5, 40, 7):
            for writer in writers:
                writer.write(count, contents=[digest])
            await shop.sealer.step()
            await asyncio.sleep(0.01)
        outside = shop.outside
        found = [(str(outside.head), outside.head.read_bytes())]
        lines = outside.file.read_text().splitlines()
        found += [
            (f"{outside.file}:{n}", json.loads(line)["checkpoint"].encode()) for n, line in enumerate(lines)
        ]
    for writer in writers:
        writer.write(2)
        writer.end()
    return database, found


@asynccontextmanager
async def behind_the_triggers(url: str) -> AsyncIterator[Connection]:
    async with await connect(url, purpose="test") as conn:
        await conn.execute("SET session_replication_role = replica")
        yield conn


async def verdict(conn: Connection, outside: list[tuple[str, bytes]]) -> Report:
    around = Surroundings(checkpoints=outside)
    return await verify_database(Connections(conn, conn), Anchors(), around, lambda *_: None)


Change = Callable[[Connection, random.Random], Any]


async def _sealed_row(conn: Connection, rng: random.Random) -> Any:
    cursor = await conn.execute("SELECT event FROM audit_leaves ORDER BY leaf")
    return rng.choice([row[0] for row in await cursor.fetchall()])


async def edit_column(conn: Connection, rng: random.Random) -> str:
    name, row = rng.choice(COLUMNS), await _sealed_row(conn, rng)
    if name in UUIDS:
        value = "gen_random_uuid()"
    elif name == "time":
        value = "time + interval '1 microsecond'"
    elif name == "kind":
        value = "CASE kind WHEN 'event' THEN 'lost' ELSE 'event' END"
    elif name == "rule_ids":
        value = "ARRAY['x']"
    elif name == "body":
        value = "coalesce(body, '{}') || '{\"x\": 1}'"
    elif name.endswith(("tokens", "dollars", "_us", "seq")):
        value = f"coalesce({name}, 0) + 1"
    else:
        value = f"coalesce({name}, '') || 'x'"
    await conn.execute(f"UPDATE audit_events SET {name} = {value} WHERE id = %s", (row,))  # type: ignore[arg-type]
    return name


async def edit_entry(conn: Connection, rng: random.Random) -> str:
    row = await _sealed_row(conn, rng)
    bit = rng.randrange(8 * 100)
    await conn.execute(
        "UPDATE audit_events SET entry = set_bit(entry, %s, 1 - get_bit(entry, %s)) WHERE id = %s",
        (bit, bit, row),
    )
    return f"bit {bit}"


async def edit_row_and_entry(conn: Connection, rng: random.Random) -> str:
    row = await _sealed_row(conn, rng)
    await conn.execute(
        "UPDATE audit_events SET status = 'fine', entry ="
        " convert_to(replace(convert_from(entry, 'UTF8'), '\"status\":\"ok\"', '\"status\":\"fine\"'), 'UTF8')"
        " WHERE id = %s",
        (row,),
    )
    return "status everywhere"


async def remove_row(conn: Connection, rng: random.Random) -> str:
    await conn.execute("DELETE FROM audit_events WHERE id = %s", (await _sealed_row(conn, rng),))
    return "removed"


async def insert_row(conn: Connection, rng: random.Random) -> str:
    columns = ", ".join(COLUMNS[1:])
    shift = rng.choice(["seq", "seq + 1000", "-1 - seq"])
    values = columns.replace(" seq,", f" {shift},")
    row = await _sealed_row(conn, rng)
    await conn.execute(
        f"INSERT INTO audit_events (id, {columns}, entry) SELECT gen_random_uuid(), {values}, entry"  # type: ignore[arg-type]
        " FROM audit_events WHERE id = %s",
        (row,),
    )
    return f"inserted at {shift}"


async def insert_writer(conn: Connection, rng: random.Random) -> str:
    columns = ", ".join(COLUMNS[1:])
    values = columns.replace(" boot,", " gen_random_uuid(),").replace(" seq,", " 0,")
    await conn.execute(
        f"INSERT INTO audit_events (id, {columns}, entry) SELECT gen_random_uuid(), {values}, entry"  # type: ignore[arg-type]
        " FROM audit_events WHERE id = %s",
        (await _sealed_row(conn, rng),),
    )
    return "inserted under another boot"


async def swap_rows(conn: Connection, rng: random.Random) -> str:
    cursor = await conn.execute("SELECT boot, seq FROM audit_leaves ORDER BY leaf")
    (boot, one), (other_boot, other) = rng.sample(await cursor.fetchall(), 2)
    for old_boot, old, new_boot, new in (
        (boot, one, boot, -7), (other_boot, other, boot, one), (boot, -7, other_boot, other),
    ):  # fmt: skip
        await conn.execute(
            "UPDATE audit_events SET boot = %s, seq = %s WHERE boot = %s AND seq = %s",
            (new_boot, new, old_boot, old),
        )
    return "swapped"


async def cut_tail(conn: Connection, rng: random.Random) -> str:
    count = rng.randint(3, 20)
    await conn.execute(
        "DELETE FROM audit_events WHERE (boot, seq) IN (SELECT boot, seq FROM audit_events WHERE boot ="
        " (SELECT boot FROM audit_boots ORDER BY started LIMIT 1) ORDER BY seq DESC LIMIT %s)",
        (count,),
    )
    return f"the last {count}"


async def edit_tile(conn: Connection, rng: random.Random) -> str:
    change = rng.choice([
        "UPDATE audit_tiles SET hashes = set_bit(hashes, %(n)s, 1 - get_bit(hashes, %(n)s)) WHERE level = 0",
        "UPDATE audit_tiles SET hashes = hashes || sha256('x') WHERE level = 0",
        "UPDATE audit_tiles SET hashes = substr(hashes, 1, octet_length(hashes) - 32) WHERE level = 0",
        "DELETE FROM audit_tiles WHERE level = 0",
        "INSERT INTO audit_tiles (epoch, level, index, hashes) VALUES (1, 0, 1, sha256('x'))",
    ])  # fmt: skip
    await conn.execute(change, {"n": rng.randrange(8 * 32 * 100)})
    return change


async def edit_head(conn: Connection, rng: random.Random) -> str:
    table = rng.choice(["audit_heads", "audit_checkpoints"])
    change = rng.choice([
        "UPDATE {} SET size = size - 1", "UPDATE {} SET root = sha256('x')",
        "UPDATE {} SET note = overlay(note placing (CASE substr(note, %(n)s, 1) WHEN 'x' THEN 'y' ELSE 'x' END)"
        " from %(n)s for 1)",
        "UPDATE {} SET note = substr(note, 1, %(n)s)",
    ]).replace("{}", table)  # fmt: skip
    await conn.execute(change, {"n": rng.randrange(1, 3000)})
    return change


async def edit_seal(conn: Connection, rng: random.Random) -> str:
    change = rng.choice([
        "UPDATE audit_runs SET seq = seq + 1 WHERE leaf = 0", "UPDATE audit_runs SET count = count + 1 WHERE leaf = 0",
        "UPDATE audit_runs SET count = count - 1 WHERE leaf = 0", "DELETE FROM audit_runs WHERE leaf = 5",
        "UPDATE audit_runs SET boot = gen_random_uuid() WHERE leaf = 5", "DELETE FROM audit_heads",
        "UPDATE audit_cursors SET seq = seq + 1", "UPDATE audit_cursors SET seq = seq - 1",
        "DELETE FROM audit_cursors", "DELETE FROM audit_log_keys WHERE algorithm = 1", "DELETE FROM audit_log_keys",
        "UPDATE audit_log_keys SET key = replace(key, '/audit', '/other')", "UPDATE audit_epochs SET origin = 'x'",
        "UPDATE audit_log_keys SET algorithm = 4 WHERE algorithm = 1", "DELETE FROM audit_boots",
        "DELETE FROM audit_epochs",
    ])  # fmt: skip
    await conn.execute(change)
    return change


async def edit_content(conn: Connection, rng: random.Random) -> str:
    change = rng.choice([
        "UPDATE audit_contents SET bytes = bytes || '!'", "DELETE FROM audit_contents",
        "UPDATE audit_contents SET digest = 'sha256:' || md5('x') || md5('y')",
        "INSERT INTO audit_contents (digest, bytes) VALUES ('sha256:' || md5('x') || md5('y'), 'x')",
    ])  # fmt: skip
    await conn.execute(change)
    return change


async def put_back(conn: Connection, rng: random.Random) -> str:
    """A whole database of earlier: consistent in itself."""
    await conn.execute("UPDATE audit_heads h SET (size, root, note) = (SELECT size, root, note FROM audit_checkpoints"
                       " ORDER BY size LIMIT 1)")  # fmt: skip
    await conn.execute("DELETE FROM audit_checkpoints WHERE size > (SELECT size FROM audit_heads)")
    await conn.execute(
        "UPDATE audit_tiles SET hashes = substr(hashes, 1, 32 * (SELECT size FROM audit_heads)::int)"
    )
    await conn.execute("DELETE FROM audit_runs WHERE leaf >= (SELECT size FROM audit_heads)")
    await conn.execute("UPDATE audit_cursors c SET seq = coalesce((SELECT max(seq + count) FROM audit_runs r"
                       " WHERE r.boot = c.boot), 0)")  # fmt: skip
    return "an old backup"


CHANGES: list[Change] = [
    edit_column, edit_entry, edit_row_and_entry, remove_row, insert_row, insert_writer, swap_rows, cut_tail, edit_tile,
    edit_head, edit_seal, edit_content, put_back,
]  # fmt: skip


class Undo(Exception):  # noqa: N818
    pass


async def unfound(sealed: Sealed, change: Change, seeds: range) -> list[str]:
    url, outside = sealed
    missed: list[str] = []
    async with behind_the_triggers(url) as conn:
        for seed in seeds:
            try:
                async with conn.transaction():
                    what = await change(conn, random.Random(seed))
                    report = await verdict(conn, outside)
                    raise Undo
            except Undo:
                if report.verdict != "tampered":
                    missed.append(f"seed {seed}: {what}: {report.doubts}")
    return missed


async def test_what_nobody_changed_is_intact(sealed: Sealed) -> None:
    url, outside = sealed
    async with behind_the_triggers(url) as conn:
        report = await verdict(conn, outside)
    assert (report.verdict, report.faults, report.doubts) == ("intact", [], [])
    assert report.checked["rows"] == 104
    assert any(notice.startswith("4 rows were not yet sealed") for notice in report.notices)


@pytest.mark.parametrize("change", CHANGES)
async def test_changes_behind_the_triggers_are_found(sealed: Sealed, change: Change) -> None:
    assert await unfound(sealed, change, range(6)) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("change", CHANGES)
async def test_of_thousands_of_changes_all_are_found(sealed: Sealed, change: Change) -> None:
    count = 1500 if change in (edit_column, edit_entry, edit_head, edit_tile) else 500
    assert await unfound(sealed, change, range(100, 100 + count)) == []


async def test_a_fault_names_its_row(sealed: Sealed) -> None:
    url, outside = sealed
    async with behind_the_triggers(url) as conn:
        await conn.execute("UPDATE audit_events SET actor = 'somebody' WHERE (boot, seq) ="
                           " (SELECT boot, seq FROM audit_leaves WHERE leaf = 17)")  # fmt: skip
        report = await verdict(conn, outside)
        cursor = await conn.execute("SELECT event, boot, seq FROM audit_leaves WHERE leaf = 17")
        (row,) = await cursor.fetchall()
    (fault,) = report.faults
    assert (fault.leaf, fault.id, fault.boot, fault.seq) == (17, str(row[0]), str(row[1]), row[2])
    assert fault.what == "columns differ from the entry: actor"


async def test_all_columns_of_the_record_are_compared(database: str) -> None:
    with psycopg.connect(database) as conn:
        found = conn.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'audit_events'"
        ).fetchall()
    assert {row[0] for row in found} == {*COLUMNS, "entry"}
