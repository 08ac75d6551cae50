"""All SQL of the record."""

from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from app.db import Connection, Pool, deadline, struct_row

Refused = psycopg.Error
"""The server, or the connection to it, failed; whether a statement was committed may not be known."""
Unstorable = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""The server is well; it is the row that cannot be stored."""

Away = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)
"""Whoever reads has no connection, or lost it."""

__all__ = ["Away", "Connection", "Pool", "Refused", "Unstorable", "deadline"]


async def insert_events(conn: Connection, entries: str, sealed_for: list[str]) -> None:
    """Insert a JSON array of canonical entries in one statement; the columns come out of the hashed bytes.

    `sealed_for` are the persons whose keys sealed some of them: `Unstorable` when one was erased meanwhile.
    """
    await conn.execute(
        "INSERT INTO audit_events SELECT r.id, r.time, r.kind, r.call, r.node, r.boot, r.seq, r.trace_id, r.span_id,"
        " r.parent_id, r.door, r.action, r.resource_kind, r.resource, r.actor_id, r.actor_kind, r.actor, r.client,"
        " r.address, r.agent, r.session, r.credential, r.decision, r.reason, r.policy_hash, r.rule_ids, r.status,"
        " r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_tokens, r.reasoning_tokens,"
        " r.microdollars, r.latency_us, r.body, convert_to(e.value::text, 'UTF8'),"
        " r.subject, r.resource_subject"
        " FROM audit_subjects_guard(%s::uuid[]) AS guard, json_array_elements(%s::json) AS e,"
        " LATERAL json_to_record(e.value) AS r("
        "id uuid, time timestamptz, kind text, call uuid, node text, boot uuid, seq bigint, trace_id text,"
        " span_id text, parent_id text, door text, action text, resource_kind text, resource text, actor_id text,"
        " actor_kind text, actor text, client text, address text, agent text, session text, credential text,"
        " decision text, reason text, policy_hash text, rule_ids text[], status text, input_tokens bigint,"
        " output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint,"
        " microdollars bigint, latency_us bigint, body jsonb, subject uuid, resource_subject uuid)",
        (sealed_for, entries),
        prepare=True,
    )


async def insert_content(conn: Connection, digest: str, data: bytes) -> None:
    """Keep a content that is too large for its entry; the same content is kept once."""
    await conn.execute(
        "INSERT INTO audit_contents (digest, bytes) VALUES (%s, %s) ON CONFLICT DO NOTHING", (digest, data)
    )


async def content(conn: Connection, digest: str) -> bytes | None:
    """A content by its digest."""
    cursor = await conn.execute("SELECT bytes FROM audit_contents WHERE digest = %s", (digest,))
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


async def kept_contents(conn: Connection, digests: list[str]) -> list[str]:
    """Which of these contents are kept."""
    cursor = await conn.execute("SELECT digest FROM audit_contents WHERE digest = ANY(%s)", (digests,))
    return [str(row[0]) for row in await cursor.fetchall()]


async def event_exists(conn: Connection, event_id: str, time: str) -> bool:
    """Whether this very row was committed."""
    cursor = await conn.execute("SELECT 1 FROM audit_events WHERE id = %s AND time = %s", (event_id, time))
    return await cursor.fetchone() is not None


async def lock_boot(conn: Connection, key: int) -> None:
    """Wait until no earlier connection of this boot can still commit, then hold its place."""
    await conn.execute("SELECT pg_advisory_lock(%s)", (key,))


async def ensure_partitions(conn: Connection) -> None:
    """Partitions of this month and the two that follow."""
    await conn.execute(
        "SELECT audit_ensure_partition(now() + make_interval(months => m)) FROM generate_series(0, 2) AS m"
    )


async def verify_writable(conn: Connection) -> None:
    """Raise `Refused` unless the server answers and takes writes."""
    await conn.execute("UPDATE audit_boots SET closed = closed WHERE false")


async def insert_boot(conn: Connection, boot: UUID, node: str, started: datetime) -> None:
    """Remember that a writer started, or came back: then the sealer has to look at it again."""
    await conn.execute(
        "INSERT INTO audit_boots AS b (boot, node, started) VALUES (%s, %s, %s)"
        " ON CONFLICT (boot) DO UPDATE SET opened = b.opened + 1, sealed = false, connected = clock_timestamp()",
        (boot, node, started),
    )


class OpenBoot(msgspec.Struct, frozen=True):
    """A writer's start whose intents may still be open."""

    boot: UUID
    started: datetime


async def open_boots(conn: Connection, node: str, *, but: UUID) -> list[OpenBoot]:
    """Earlier boots of this node that were not closed."""
    async with conn.cursor(row_factory=struct_row(OpenBoot)) as cursor:
        await cursor.execute(
            "SELECT boot, started FROM audit_boots WHERE node = %s AND boot <> %s AND closed IS NULL",
            (node, but),
        )
        return await cursor.fetchall()


async def writer_is_gone(conn: Connection, key: int) -> bool:
    """Whether nobody holds the place of this boot any more."""
    cursor = await conn.execute("SELECT pg_try_advisory_lock(%s)", (key,))
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return False
    await conn.execute("SELECT pg_advisory_unlock(%s)", (key,))
    return True


async def close_boot(conn: Connection, boot: UUID) -> None:
    """Its intents all have an outcome now."""
    await conn.execute("UPDATE audit_boots SET closed = now() WHERE boot = %s", (boot,))


class Orphan(msgspec.Struct, frozen=True):
    """An intent that never got an outcome."""

    id: UUID
    entry: bytes


async def orphans(conn: Connection, boot: UUID, since: datetime, *, limit: int) -> list[Orphan]:
    """Intents of a boot without outcome, oldest first."""
    async with conn.cursor(row_factory=struct_row(Orphan)) as cursor:
        await cursor.execute(
            "SELECT i.id, i.entry FROM audit_events i"
            " WHERE i.boot = %s AND i.kind = 'intent' AND i.time >= %s::timestamptz - interval '1 hour'"
            " AND NOT EXISTS (SELECT FROM audit_events o WHERE o.call = i.id AND o.kind IN ('outcome', 'lost'))"
            " ORDER BY i.id LIMIT %s",
            (boot, since, limit),
        )
        return await cursor.fetchall()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One decided call with its outcome, as lists show it."""

    id: UUID
    time: datetime
    trace_id: str
    door: str
    action: str
    resource_kind: str
    resource: str
    actor_kind: str
    actor: str
    agent: str
    decision: str
    reason: str
    status: str
    microdollars: int
    latency_us: int


async def decided_calls(
    conn: Connection,
    *,
    before: UUID | None,
    actor: str | None,
    action: str | None,
    decision: str | None,
    reads: bool,
    since: UUID | None,
    limit: int,
) -> list[Line]:
    """Decided calls, newest first, before an id, narrowed by what is given; `reads` False leaves out permitted looks."""
    async with conn.cursor(row_factory=struct_row(Line)) as cursor:
        await cursor.execute(
            "SELECT i.id, i.time, coalesce(i.trace_id, '') AS trace_id, coalesce(i.door, '') AS door,"
            " coalesce(i.action, '') AS action, coalesce(i.resource_kind, '') AS resource_kind,"
            " coalesce(r.name, CASE WHEN r.erased IS NOT NULL THEN 'erased' END, i.resource, '') AS resource,"
            " coalesce(i.actor_kind, '') AS actor_kind,"
            " coalesce(s.name, CASE WHEN s.erased IS NOT NULL THEN 'erased' END, i.actor, '') AS actor,"
            " coalesce(i.agent, '') AS agent,"
            " coalesce(i.decision, 'forbid') AS decision, coalesce(i.reason, '') AS reason,"
            " CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,"
            " coalesce(o.microdollars, 0) AS microdollars, coalesce(o.latency_us, 0) AS latency_us"
            " FROM audit_events i LEFT JOIN LATERAL ("
            "SELECT status, microdollars, latency_us FROM audit_events o"
            " WHERE o.call = i.id AND o.kind IN ('outcome', 'lost') ORDER BY o.id LIMIT 1) o ON true"
            " LEFT JOIN audit_subjects s ON s.subject = i.subject"
            " LEFT JOIN audit_subjects r ON r.subject = i.resource_subject"
            " WHERE i.kind IN ('intent', 'denial')"
            " AND (%(before)s::uuid IS NULL OR i.id < %(before)s)"
            " AND (%(actor)s::text IS NULL OR i.actor = %(actor)s"
            " OR i.subject = (SELECT n.subject FROM audit_subjects n WHERE n.name = %(actor)s AND n.erased IS NULL))"
            " AND (%(action)s::text IS NULL OR i.action = %(action)s)"
            " AND (%(decision)s::text IS NULL OR coalesce(i.decision, 'forbid') = %(decision)s)"
            " AND (%(reads)s OR i.kind = 'denial' OR i.action NOT IN ('audit.read', 'console.view'))"
            " AND (%(since)s::uuid IS NULL OR i.id >= %(since)s)"
            " ORDER BY i.id DESC LIMIT %(limit)s",
            {
                "before": before,
                "actor": actor,
                "action": action,
                "decision": decision,
                "reads": reads,
                "since": since,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one kind about one action in one minute, and what they used."""

    minute: datetime
    kind: str
    action: str
    rows: int
    tokens: int
    microdollars: int


async def tallies(conn: Connection, *, since: UUID, limit: int) -> list[Tally]:
    """Counts by minute over the newest `limit` rows from `since` on."""
    async with conn.cursor(row_factory=struct_row(Tally)) as cursor:
        await cursor.execute(
            "SELECT date_trunc('minute', e.time) AS minute, e.kind, coalesce(e.action, '') AS action,"
            " count(*) AS rows,"
            " sum(coalesce(e.input_tokens, 0) + coalesce(e.output_tokens, 0) + coalesce(e.cache_read_tokens, 0)"
            " + coalesce(e.cache_write_tokens, 0))::bigint AS tokens,"
            " sum(coalesce(e.microdollars, 0))::bigint AS microdollars"
            " FROM (SELECT time, kind, action, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,"
            " microdollars FROM audit_events WHERE id >= %s ORDER BY id DESC LIMIT %s) AS e"
            " GROUP BY 1, 2, 3",
            (since, limit),
        )
        return await cursor.fetchall()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the record with its place and its bytes."""

    node: str
    boot: UUID
    seq: int
    entry: bytes


async def event_by_id(conn: Connection, event_id: UUID) -> Row | None:
    """One row."""
    async with conn.cursor(row_factory=struct_row(Row)) as cursor:
        await cursor.execute("SELECT node, boot, seq, entry FROM audit_events WHERE id = %s", (event_id,))
        return await cursor.fetchone()


async def latest_event(conn: Connection, action: str, node: str) -> Row | None:
    """The newest row of this kind of event, as this node wrote it."""
    async with conn.cursor(row_factory=struct_row(Row)) as cursor:
        await cursor.execute(
            "SELECT node, boot, seq, entry FROM audit_events"
            " WHERE kind = 'event' AND action = %s AND node = %s ORDER BY id DESC LIMIT 1",
            (action, node),
        )
        return await cursor.fetchone()


async def events_of_call(conn: Connection, call: UUID) -> list[Row]:
    """All rows about one call, oldest first."""
    async with conn.cursor(row_factory=struct_row(Row)) as cursor:
        await cursor.execute(
            "SELECT node, boot, seq, entry FROM audit_events WHERE call = %s ORDER BY id", (call,)
        )
        return await cursor.fetchall()


async def events_of_trace(conn: Connection, trace_id: str, *, limit: int) -> list[Row]:
    """All rows of one trace, oldest first."""
    async with conn.cursor(row_factory=struct_row(Row)) as cursor:
        await cursor.execute(
            "SELECT node, boot, seq, entry FROM audit_events WHERE trace_id = %s ORDER BY id LIMIT %s",
            (trace_id, limit),
        )
        return await cursor.fetchall()
