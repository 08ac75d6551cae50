"""What verifying the stored record asks the database; every statement here only reads."""

from uuid import UUID

import msgspec
import psycopg

from app.db import Connection, struct_row

__all__ = ["Away", "Connection", "Uncomparable"]

Away = psycopg.OperationalError
"""The connection is lost."""

Uncomparable = psycopg.DataError
"""An entry is no JSON any more, so that its columns cannot be held against it."""


class Epoch(msgspec.Struct, frozen=True):
    """A tree and its newest checkpoint; size -1 where that is missing."""

    epoch: int
    origin: str
    statement: str
    size: int
    root: bytes
    note: str


async def epochs(conn: Connection) -> list[Epoch]:
    """All trees, oldest first."""
    async with conn.cursor(row_factory=struct_row(Epoch), binary=True) as cursor:
        await cursor.execute(
            "SELECT e.epoch, e.origin, e.statement, coalesce(h.size, -1) AS size, coalesce(h.root, '') AS root,"
            " coalesce(h.note, '') AS note FROM audit_epochs e LEFT JOIN audit_heads h ON h.epoch = e.epoch"
            " ORDER BY e.epoch"
        )
        return await cursor.fetchall()


class LogKey(msgspec.Struct, frozen=True):
    """A verifier key of the log and the note by which it took over."""

    turn: int
    algorithm: int
    key: str
    statement: str


async def log_keys(conn: Connection) -> list[LogKey]:
    """All verifier keys, oldest first."""
    async with conn.cursor(row_factory=struct_row(LogKey)) as cursor:
        await cursor.execute(
            "SELECT turn, algorithm, key, statement FROM audit_log_keys ORDER BY turn, algorithm"
        )
        return await cursor.fetchall()


async def tile(conn: Connection, epoch: int, level: int, index: int) -> bytes | None:
    """The hashes of a tile."""
    cursor = await conn.execute(
        "SELECT hashes FROM audit_tiles WHERE epoch = %s AND level = %s AND index = %s",
        (epoch, level, index),
        binary=True,
        prepare=True,
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


class Stray(msgspec.Struct, frozen=True):
    """A tile that does not fit the newest tree."""

    level: int
    index: int


async def stray_tiles(conn: Connection, epoch: int) -> list[Stray]:
    """Tiles that hold other than a tree of the newest size has; that of now, not of when verifying began."""
    async with conn.cursor(row_factory=struct_row(Stray)) as cursor:
        await cursor.execute(
            "SELECT t.level, t.index FROM audit_tiles t JOIN audit_heads h ON h.epoch = t.epoch"
            " WHERE t.epoch = %s"
            " AND octet_length(t.hashes) <> 32 * least(256, (h.size >> (8 * t.level)) - (t.index << 8)) LIMIT 100",
            (epoch,),
        )
        return await cursor.fetchall()


async def stray_checkpoints(conn: Connection, epoch: int) -> list[int]:
    """Sizes of kept checkpoints beyond the newest tree."""
    cursor = await conn.execute(
        "SELECT c.size FROM audit_checkpoints c JOIN audit_heads h ON h.epoch = c.epoch"
        " WHERE c.epoch = %s AND c.size > h.size LIMIT 100",
        (epoch,),
    )
    return [int(row[0]) for row in await cursor.fetchall()]


class Kept(msgspec.Struct, frozen=True):
    """A kept checkpoint: its columns, its note, and the signature lines of witnesses that came later."""

    size: int
    root: bytes
    note: str
    lines: str


async def checkpoints(conn: Connection, epoch: int, first: int, end: int) -> list[Kept]:
    """Kept checkpoints of these sizes, `end` excluded."""
    async with conn.cursor(row_factory=struct_row(Kept), binary=True) as cursor:
        await cursor.execute(
            "SELECT c.size, c.root, c.note, coalesce((SELECT string_agg(s.line || E'\\n', '' ORDER BY s.witness)"
            " FROM audit_cosignatures s WHERE s.epoch = c.epoch AND s.size = c.size), '') AS lines"
            " FROM audit_checkpoints c WHERE c.epoch = %s AND c.size >= %s AND c.size < %s ORDER BY c.size",
            (epoch, first, end),
            prepare=True,
        )
        return await cursor.fetchall()


class Row(msgspec.Struct, frozen=True):
    """A stored row at its leaf; `same` says whether its columns are what its entry says, None if that is no leaf."""

    leaf: int
    entry: bytes
    same: bool | None


async def leaf_hashes(conn: Connection, epoch: int, first: int, end: int) -> bytes:
    """The hashes of these tiles of level 0, one after the other."""
    cursor = await conn.execute(
        "SELECT coalesce(string_agg(hashes, ''::bytea ORDER BY index), ''::bytea) FROM audit_tiles"
        " WHERE epoch = %s AND level = 0 AND index >= %s AND index < %s",
        (epoch, first, end),
        binary=True,
        prepare=True,
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else b""


async def rows(conn: Connection, epoch: int, first: int, end: int, hashes: bytes) -> list[Row]:
    """Rows of these leaves; where an entry has the hash of its leaf, the server derives all columns from it again."""
    async with conn.cursor(row_factory=struct_row(Row), binary=True) as cursor:
        await cursor.execute(
            "SELECT r.leaf + d.seq - r.seq AS leaf, d.entry, d.same FROM audit_runs r, LATERAL ("
            "SELECT e.seq, e.entry, CASE WHEN sha256('\\x00'::bytea || e.entry) ="
            " substr(%(hashes)s::bytea, (1 + 32 * (r.leaf + e.seq - r.seq - %(first)s))::integer, 32) THEN (SELECT ROW("
            "e.id, e.time, e.kind, e.call, e.node, e.boot, e.seq, e.trace_id, e.span_id, e.parent_id, e.door, e.action,"
            " e.resource_kind, e.resource, e.actor_id, e.actor_kind, e.actor, e.client, e.address, e.agent, e.session,"
            " e.credential,"
            " e.decision, e.reason, e.policy_hash, e.rule_ids, e.status, e.input_tokens, e.output_tokens,"
            " e.cache_read_tokens, e.cache_write_tokens, e.reasoning_tokens, e.microdollars, e.latency_us, e.body,"
            " e.subject, e.resource_subject)"
            " IS NOT DISTINCT FROM ROW(j.id, j.time, j.kind, j.call, j.node, j.boot, j.seq, j.trace_id, j.span_id,"
            " j.parent_id, j.door, j.action, j.resource_kind, j.resource, j.actor_id, j.actor_kind, j.actor,"
            " j.client, j.address, j.agent, j.session, j.credential, j.decision, j.reason, j.policy_hash, j.rule_ids,"
            " j.status, j.input_tokens, j.output_tokens, j.cache_read_tokens, j.cache_write_tokens,"
            " j.reasoning_tokens, j.microdollars, j.latency_us, j.body, j.subject, j.resource_subject)"
            " FROM json_to_record(convert_from(e.entry, 'UTF8')::json) AS j("
            "id uuid, time timestamptz, kind text, call uuid, node text, boot uuid, seq bigint, trace_id text,"
            " span_id text, parent_id text, door text, action text, resource_kind text, resource text, actor_id text,"
            " actor_kind text, actor text, client text, address text, agent text, session text, credential text,"
            " decision text, reason text, policy_hash text, rule_ids text[], status text, input_tokens bigint,"
            " output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint,"
            " microdollars bigint, latency_us bigint, body jsonb, subject uuid, resource_subject uuid)) END AS same"
            " FROM audit_events e WHERE e.boot = r.boot AND e.seq >= r.seq + greatest(0, %(first)s - r.leaf)"
            " AND e.seq < r.seq + least(r.count, %(end)s - r.leaf) ORDER BY e.seq LIMIT 1048576) AS d"
            " WHERE r.epoch = %(epoch)s AND r.leaf < %(end)s AND r.leaf >= coalesce((SELECT max(leaf)"
            " FROM audit_runs WHERE epoch = %(epoch)s AND leaf <= %(first)s), 0)"
            " ORDER BY leaf, d.entry",
            {"epoch": epoch, "first": first, "end": end, "hashes": hashes},
            prepare=True,
        )
        return await cursor.fetchall()


class Stored(msgspec.Struct, frozen=True):
    """What a row's columns say of its place."""

    id: UUID
    boot: UUID
    seq: int


async def stored_at(conn: Connection, epoch: int, leaf: int) -> list[Stored]:
    """The rows at a leaf, in the order of `rows`: one, unless somebody gave another row its number."""
    async with conn.cursor(row_factory=struct_row(Stored)) as cursor:
        await cursor.execute(
            "SELECT e.id, e.boot, e.seq FROM audit_runs r JOIN audit_events e"
            " ON e.boot = r.boot AND e.seq = r.seq + %(leaf)s - r.leaf"
            " WHERE r.epoch = %(epoch)s AND r.leaf <= %(leaf)s AND r.leaf + r.count > %(leaf)s ORDER BY e.entry",
            {"epoch": epoch, "leaf": leaf},
        )
        return await cursor.fetchall()


async def differing_columns(conn: Connection, boot: UUID, seq: int, entry: bytes) -> list[str]:
    """The columns of a row that are not what its entry says; `Uncomparable` when that is not JSON."""
    cursor = await conn.execute(
        "SELECT a.key FROM audit_events e, LATERAL jsonb_each(to_jsonb(e) - 'entry') AS a,"
        " LATERAL jsonb_each(to_jsonb(json_populate_record(NULL::audit_events,"
        " convert_from(e.entry, 'UTF8')::json)) - 'entry') AS b"
        " WHERE e.boot = %s AND e.seq = %s AND e.entry = %s AND a.key = b.key AND a.value IS DISTINCT FROM b.value"
        " ORDER BY a.key",
        (boot, seq, entry),
    )
    return [str(row[0]) for row in await cursor.fetchall()]


class Writer(msgspec.Struct, frozen=True):
    """All stored rows of one boot, and how far the sealer says it is."""

    boot: UUID
    known: bool
    rows: int
    numbers: int
    first: int
    last: int
    next: int
    sealed: int
    declared: bool


async def writers(conn: Connection) -> list[Writer]:
    """Every boot that has rows or a cursor."""
    async with conn.cursor(row_factory=struct_row(Writer)) as cursor:
        await cursor.execute(
            "SELECT coalesce(e.boot, c.boot) AS boot, b.boot IS NOT NULL AS known, coalesce(e.rows, 0) AS rows,"
            " coalesce(e.numbers, 0) AS numbers, coalesce(e.first, 0) AS first, coalesce(e.last, -1) AS last,"
            " coalesce(c.seq, 0) AS next, coalesce((SELECT r.seq + r.count FROM audit_runs r"
            " WHERE r.boot = coalesce(e.boot, c.boot) ORDER BY r.seq DESC LIMIT 1), 0) AS sealed,"
            " coalesce(c.declared, false) AS declared FROM ("
            "SELECT boot, count(*) AS rows, count(DISTINCT seq) AS numbers, min(seq) AS first, max(seq) AS last"
            " FROM audit_events GROUP BY boot) AS e"
            " FULL JOIN audit_cursors c ON c.boot = e.boot LEFT JOIN audit_boots b ON b.boot = e.boot ORDER BY 1"
        )
        return await cursor.fetchall()


async def sealed_ends(conn: Connection) -> dict[UUID, int]:
    """For each boot the number after its last sealed row."""
    cursor = await conn.execute("SELECT boot, max(seq + count) FROM audit_runs GROUP BY boot")
    return {row[0]: int(row[1]) for row in await cursor.fetchall()}


class Tail(msgspec.Struct, frozen=True):
    """A row that is no leaf yet."""

    id: UUID
    seq: int
    entry: bytes


async def tail(conn: Connection, boot: UUID, seq: int, *, limit: int) -> list[Tail]:
    """The next rows of a boot from a number on."""
    async with conn.cursor(row_factory=struct_row(Tail), binary=True) as cursor:
        await cursor.execute(
            "SELECT id, seq, entry FROM audit_events WHERE boot = %s AND seq >= %s ORDER BY seq LIMIT %s",
            (boot, seq, limit),
        )
        return await cursor.fetchall()


class Content(msgspec.Struct, frozen=True):
    """A content beside, by its digest."""

    digest: str
    bytes: bytes


async def contents(conn: Connection, after: str, *, limit: int) -> list[Content]:
    """The next contents in the order of their digests."""
    async with conn.cursor(row_factory=struct_row(Content), binary=True) as cursor:
        await cursor.execute(
            "SELECT digest, bytes FROM audit_contents WHERE digest > %s ORDER BY digest LIMIT %s",
            (after, limit),
        )
        return await cursor.fetchall()


async def missing_contents(conn: Connection, digests: list[str]) -> list[str]:
    """Those of the digests for which there is no content."""
    cursor = await conn.execute(
        "SELECT d FROM unnest(%s::text[]) AS d WHERE NOT EXISTS (SELECT FROM audit_contents WHERE digest = d)",
        (digests,),
    )
    return [str(row[0]) for row in await cursor.fetchall()]


class Run(msgspec.Struct, frozen=True):
    """Leaves from `leaf` on are the rows from `seq` on of a boot."""

    leaf: int
    boot: UUID
    seq: int


async def run_at(conn: Connection, epoch: int, leaf: int) -> Run | None:
    """The run that holds a leaf."""
    async with conn.cursor(row_factory=struct_row(Run)) as cursor:
        await cursor.execute(
            "SELECT leaf, boot, seq FROM audit_runs WHERE epoch = %(epoch)s AND leaf <= %(leaf)s"
            " AND leaf + count > %(leaf)s ORDER BY leaf DESC LIMIT 1",
            {"epoch": epoch, "leaf": leaf},
        )
        return await cursor.fetchone()
