"""All SQL of forwarding: where each sink stands, and the rows that follow."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from app.audit import store as record
from app.db import Connection, Pool, deadline, struct_row

Away = record.Away
Refused = record.Refused

PATIENCE = 60.0
"""Seconds that one look into the database may take before its connection is given up."""

__all__ = ["PATIENCE", "Away", "Connection", "Pool", "Refused", "deadline"]


class SinkRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sink as the database knows it."""

    name: str
    created: datetime
    generation: int
    paused: bool
    behind: bool
    delivered: int
    delivered_at: datetime | None
    missing: int
    refused: int
    error: str
    error_at: datetime | None
    state: dict[str, str]


class BootState(msgspec.Struct, frozen=True, kw_only=True):
    """A boot that may have rows to come: `next` is the first seq not yet delivered."""

    boot: UUID
    connected: datetime
    next: int
    alive: bool


class StoredRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row's place and its bytes."""

    boot: UUID
    seq: int
    id: UUID
    entry: bytes


async def add_sink(conn: Connection, name: str) -> bool:
    """Remember a sink of the profile; whether it is new."""
    cursor = await conn.execute(
        "INSERT INTO audit_sinks (name) VALUES (%s) ON CONFLICT (name) DO NOTHING", (name,)
    )
    return cursor.rowcount > 0


async def sink_row(conn: Connection, name: str) -> SinkRow | None:
    """One sink."""
    async with conn.cursor(row_factory=struct_row(SinkRow)) as cursor:
        await cursor.execute(
            "SELECT name, created, generation, paused, behind, delivered, delivered_at, missing, refused, error,"
            " error_at, state FROM audit_sinks WHERE name = %s",
            (name,),
        )
        return await cursor.fetchone()


async def sink_rows(conn: Connection) -> list[SinkRow]:
    """All sinks that were ever forwarded to and not forgotten."""
    async with conn.cursor(row_factory=struct_row(SinkRow)) as cursor:
        await cursor.execute(
            "SELECT name, created, generation, paused, behind, delivered, delivered_at, missing, refused, error,"
            " error_at, state FROM audit_sinks ORDER BY name"
        )
        return await cursor.fetchall()


async def forget_sink(conn: Connection, name: str) -> bool:
    """Remove a sink and its cursors; whether there was one."""
    cursor = await conn.execute("DELETE FROM audit_sinks WHERE name = %s", (name,))
    return cursor.rowcount > 0


async def set_paused(conn: Connection, name: str, paused: bool) -> bool:
    """Stop or go on; whether there is such a sink."""
    cursor = await conn.execute("UPDATE audit_sinks SET paused = %s WHERE name = %s", (paused, name))
    return cursor.rowcount > 0


async def set_error(conn: Connection, name: str, error: str) -> None:
    """The last failure."""
    await conn.execute("UPDATE audit_sinks SET error = %s, error_at = now() WHERE name = %s", (error, name))


async def clear_error(conn: Connection, name: str) -> None:
    """The other side takes rows again."""
    await conn.execute("UPDATE audit_sinks SET error = '' WHERE name = %s AND error <> ''", (name,))


async def set_behind(conn: Connection, name: str, behind: bool) -> bool:
    """Whether the sink has just changed between behind and abreast."""
    cursor = await conn.execute(
        "UPDATE audit_sinks SET behind = %s WHERE name = %s AND behind <> %s", (behind, name, behind)
    )
    return cursor.rowcount > 0


async def begin_now(conn: Connection, name: str) -> None:
    """Set the cursors of a new sink behind everything that is there."""
    await conn.execute(
        "INSERT INTO audit_sink_cursors (sink, boot, next)"
        " SELECT %s, b.boot, l.seq + 1 FROM audit_boots b CROSS JOIN LATERAL ("
        "SELECT e.seq FROM audit_events e WHERE e.boot = b.boot ORDER BY e.seq DESC LIMIT 1) l"
        " ON CONFLICT (sink, boot) DO NOTHING",
        (name,),
    )


async def set_back(conn: Connection, name: str, since: datetime) -> bool:
    """Deliver again what happened since; cursors are only ever lowered, and the forwarder's own become void."""
    cursor = await conn.execute("UPDATE audit_sinks SET generation = generation + 1 WHERE name = %s", (name,))
    if not cursor.rowcount:
        return False
    await conn.execute(
        "UPDATE audit_sink_cursors c SET next = e.first, ended = NULL FROM ("
        "SELECT boot, min(seq) AS first FROM audit_events WHERE time >= %s GROUP BY boot) e"
        " WHERE c.sink = %s AND c.boot = e.boot AND c.next > e.first",
        (since, name),
    )
    return True


async def boots_of_sink(sink: str, conn: Connection, since: datetime, known: list[UUID]) -> list[BootState]:
    """Boots connected since, and the known ones; those that had ended with nothing left only when connected again.

    A writer takes its boot's lock before it says `connected`, so a boot without lock has committed all it will under
    that opening.
    """
    async with conn.cursor(row_factory=struct_row(BootState)) as cursor:
        await cursor.execute(
            "SELECT b.boot, b.connected, coalesce(c.next, 0) AS next, EXISTS (SELECT FROM pg_locks l"
            " WHERE l.locktype = 'advisory' AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (l.classid::bigint << 32 | l.objid::bigint)"
            " = (('x' || left(replace(b.boot::text, '-', ''), 16))::bit(64) >> 1)::bigint) AS alive"
            " FROM audit_boots b LEFT JOIN audit_sink_cursors c ON c.sink = %s AND c.boot = b.boot"
            " WHERE (b.connected >= %s OR b.boot = ANY(%s)) AND c.ended IS DISTINCT FROM b.connected"
            " ORDER BY b.connected",
            (sink, since, known),
        )
        return await cursor.fetchall()


async def boots_since(conn: Connection, since: datetime, known: list[UUID]) -> list[BootState]:
    """The same for a reader that keeps its own place; one that began earlier is taken up where `since` was."""
    async with conn.cursor(row_factory=struct_row(BootState)) as cursor:
        await cursor.execute(
            "SELECT b.boot, b.connected, CASE WHEN b.started < %(since)s THEN coalesce(("
            "SELECT e.seq + 1 FROM audit_events e WHERE e.boot = b.boot AND e.time < %(since)s"
            " ORDER BY e.seq DESC LIMIT 1), 0) ELSE 0 END AS next, EXISTS (SELECT FROM pg_locks l"
            " WHERE l.locktype = 'advisory' AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (l.classid::bigint << 32 | l.objid::bigint)"
            " = (('x' || left(replace(b.boot::text, '-', ''), 16))::bit(64) >> 1)::bigint) AS alive"
            " FROM audit_boots b WHERE b.connected >= %(since)s OR b.boot = ANY(%(known)s) ORDER BY b.connected",
            {"since": since, "known": known},
        )
        return await cursor.fetchall()


async def database_time(conn: Connection) -> datetime:
    """The clock that says when boots connected."""
    cursor = await conn.execute("SELECT now()")
    row = await cursor.fetchone()
    return row[0] if row else datetime.now(UTC)


async def last_seqs(conn: Connection, since: datetime) -> list[BootState]:
    """Living boots and those connected since, with the seq that their next row will have."""
    async with conn.cursor(row_factory=struct_row(BootState)) as cursor:
        await cursor.execute(
            "SELECT b.boot, b.connected, coalesce((SELECT e.seq + 1 FROM audit_events e WHERE e.boot = b.boot"
            " ORDER BY e.seq DESC LIMIT 1), 0) AS next, true AS alive FROM audit_boots b"
            " WHERE b.connected >= %s OR EXISTS (SELECT FROM pg_locks l"
            " WHERE l.locktype = 'advisory' AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (l.classid::bigint << 32 | l.objid::bigint)"
            " = (('x' || left(replace(b.boot::text, '-', ''), 16))::bit(64) >> 1)::bigint)",
            (since,),
        )
        return await cursor.fetchall()


async def rows_after(
    conn: Connection, boots: list[UUID], nexts: list[int], *, limit: int, size: int
) -> list[StoredRow]:
    """The next rows of each boot: `limit` of them and about `size` bytes at most, always at least one."""
    async with conn.cursor(row_factory=struct_row(StoredRow)) as cursor:
        await cursor.execute(
            "SELECT r.boot, r.seq, r.id, r.entry FROM unnest(%s::uuid[], %s::bigint[]) AS w(boot, next)"
            " CROSS JOIN LATERAL (SELECT p.boot, p.seq, p.id, p.entry,"
            " sum(octet_length(p.entry)) OVER (ORDER BY p.seq) - octet_length(p.entry) AS before FROM ("
            "SELECT e.boot, e.seq, e.id, e.entry FROM audit_events e"
            " WHERE e.boot = w.boot AND e.seq >= w.next ORDER BY e.seq LIMIT %s) AS p) AS r"
            " WHERE r.before < %s ORDER BY r.boot, r.seq",
            (boots, nexts, limit, size),
        )
        return await cursor.fetchall()


async def move_cursors(conn: Connection, sink: str, boots: list[UUID], nexts: list[int]) -> None:
    """What has been acknowledged."""
    await conn.execute(
        "INSERT INTO audit_sink_cursors (sink, boot, next)"
        " SELECT %s, boot, next FROM unnest(%s::uuid[], %s::bigint[]) AS w(boot, next)"
        " ON CONFLICT (sink, boot) DO UPDATE SET next = excluded.next",
        (sink, boots, nexts),
    )


async def end_boots(conn: Connection, sink: str, boots: list[UUID], connected: list[datetime]) -> None:
    """These had ended with nothing left when they were last connected at that moment."""
    await conn.execute(
        "INSERT INTO audit_sink_cursors (sink, boot, next, ended)"
        " SELECT %s, boot, 0, connected FROM unnest(%s::uuid[], %s::timestamptz[]) AS w(boot, connected)"
        " ON CONFLICT (sink, boot) DO UPDATE SET ended = excluded.ended",
        (sink, boots, connected),
    )


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What came of some rows, and the transport's own state afterwards."""

    delivered: int
    missing: int
    refused: int
    state: str


async def note_progress(conn: Connection, sink: str, generation: int, progress: Progress) -> bool:
    """Add to the counts; False when the cursors have been set back meanwhile."""
    cursor = await conn.execute(
        "UPDATE audit_sinks SET delivered = delivered + %s, missing = missing + %s, refused = refused + %s,"
        " state = %s::jsonb, delivered_at = CASE WHEN %s > 0 THEN now() ELSE delivered_at END"
        " WHERE name = %s AND generation = %s",
        (
            progress.delivered,
            progress.missing,
            progress.refused,
            progress.state,
            progress.delivered,
            sink,
            generation,
        ),
    )
    return cursor.rowcount > 0


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink has not got: rows, and when the oldest of them happened."""

    rows: int
    oldest: datetime | None


async def lag_of(conn: Connection, sink: str) -> Lag:
    """Counted from the cursors."""
    async with conn.cursor(row_factory=struct_row(Lag)) as cursor:
        await cursor.execute(
            "SELECT coalesce(sum(l.seq - f.seq + 1), 0)::bigint AS rows, min(f.time) AS oldest"
            " FROM audit_boots b LEFT JOIN audit_sink_cursors c ON c.sink = %s AND c.boot = b.boot"
            " CROSS JOIN LATERAL (SELECT e.seq, e.time FROM audit_events e WHERE e.boot = b.boot"
            " AND e.seq >= coalesce(c.next, 0) ORDER BY e.seq LIMIT 1) AS f"
            " CROSS JOIN LATERAL (SELECT e.seq FROM audit_events e WHERE e.boot = b.boot"
            " ORDER BY e.seq DESC LIMIT 1) AS l"
            " WHERE c.ended IS DISTINCT FROM b.connected",
            (sink,),
        )
        row = await cursor.fetchone()
        return row if row is not None else Lag(rows=0, oldest=None)


async def lack(conn: Connection, sinks: list[str], starts: datetime, ends: datetime) -> bool:
    """Whether one of these sinks has not got a row of this time."""
    cursor = await conn.execute(
        "SELECT EXISTS (SELECT FROM audit_sinks s CROSS JOIN audit_events e"
        " LEFT JOIN audit_sink_cursors c ON c.sink = s.name AND c.boot = e.boot"
        " WHERE s.name = ANY(%s) AND e.time >= %s AND e.time < %s AND e.seq >= coalesce(c.next, 0))",
        (sinks, starts, ends),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])
