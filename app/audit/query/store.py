"""All SQL of asking the record.

One statement holds every filter as `(parameter IS NULL OR …)`. It is never prepared: planned with its values at hand,
PostgreSQL drops what was not asked for and sees bounds that leave out partitions and choose an index.
"""

from typing import Any
from uuid import UUID

import msgspec
import psycopg

from app.db import Connection, Pool, deadline, struct_row

Away = psycopg.OperationalError
TooLong = psycopg.errors.QueryCanceled
"""The statement took longer than it was given."""

__all__ = ["Away", "Connection", "Pool", "TooLong", "deadline"]


class Pair(msgspec.Struct, frozen=True):
    """The stored bytes of the row that decided a call, or of an event, and of the row that ended the call."""

    decided: bytes
    ended: bytes | None


async def pairs(conn: Connection, parameters: dict[str, Any]) -> list[Pair]:
    """Calls and events, newest first; the parameters are those of `query.parameters` and the page's own."""
    async with conn.cursor(row_factory=struct_row(Pair)) as cursor:
        await cursor.execute(
            """SELECT i.entry AS decided, o.entry AS ended
            FROM audit_events i LEFT JOIN audit_events o
                ON o.call = i.id AND o.kind IN ('outcome', 'lost') AND o.time >= i.time - interval '1 hour'
                AND (%(since)s::timestamptz IS NULL OR o.time >= %(since)s::timestamptz - interval '1 hour')
            WHERE i.kind IN ('intent', 'denial', 'event')
                AND (%(calls)s::uuid[] IS NULL OR i.id = ANY (%(calls)s))
                AND (%(first)s::uuid IS NULL OR i.id >= %(first)s) AND (%(last)s::uuid IS NULL OR i.id < %(last)s)
                AND (%(since)s::timestamptz IS NULL OR i.time >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR i.time < %(until)s)
                AND (%(kinds)s::text[] IS NULL OR i.kind = ANY (%(kinds)s))
                AND (%(actor_named)s::text IS NULL OR i.actor = %(actor)s OR i.actor LIKE %(actor_like)s
                    OR (%(actor_subjects)s::uuid[] IS NOT NULL AND i.subject = ANY (%(actor_subjects)s)))
                AND (%(actor_id)s::text IS NULL OR i.actor_id LIKE %(actor_id)s)
                AND (%(agent)s::text IS NULL OR i.agent LIKE %(agent)s)
                AND (%(client)s::text IS NULL OR i.client LIKE %(client)s)
                AND (%(door)s::text IS NULL OR i.door LIKE %(door)s)
                AND (%(action)s::text IS NULL OR i.action = %(action)s)
                AND (%(action_like)s::text IS NULL OR i.action LIKE %(action_like)s)
                AND (%(resource_named)s::text IS NULL OR i.resource = %(resource)s OR i.resource LIKE %(resource_like)s
                    OR (%(resource_subjects)s::uuid[] IS NOT NULL AND i.resource_subject = ANY (%(resource_subjects)s)))
                AND (%(session)s::text IS NULL OR i.session LIKE %(session)s)
                AND (%(credential)s::text IS NULL OR i.credential LIKE %(credential)s)
                AND (%(reason)s::text IS NULL OR i.reason LIKE %(reason)s)
                AND (%(rule)s::text[] IS NULL OR i.rule_ids @> %(rule)s)
                AND (%(trace)s::text IS NULL OR i.trace_id = %(trace)s)
                AND (%(arguments)s::jsonb IS NULL OR i.body -> 'arguments' @> %(arguments)s::jsonb)
                AND (%(looks)s::text[] IS NULL OR i.kind <> 'intent' OR i.action <> ALL (%(looks)s))
                AND (%(statuses)s::text[] IS NULL OR o.status = ANY (%(statuses)s)
                    OR (%(denied)s AND i.kind = 'denial') OR (%(open)s AND i.kind = 'intent' AND o.id IS NULL))
                AND (%(microdollars)s::bigint IS NULL OR o.microdollars >= %(microdollars)s)
                AND (%(latency)s::bigint IS NULL OR o.latency_us >= %(latency)s)
            ORDER BY i.id DESC LIMIT %(limit)s""",
            parameters,
            prepare=False,
        )
        return await cursor.fetchall()


async def persons_named(conn: Connection, pattern: str) -> list[UUID]:
    """Persons whose name is like this; rows about them hold no name."""
    cursor = await conn.execute(
        "SELECT subject FROM audit_subjects WHERE erased IS NULL AND name LIKE %s LIMIT 10000", (pattern,)
    )
    return [row[0] for row in await cursor.fetchall()]


class Place(msgspec.Struct, frozen=True):
    """A boot and a number in its order."""

    boot: UUID
    seq: int


class Ended(msgspec.Struct, frozen=True):
    """A row, its place in its boot, and the call it belongs to."""

    boot: UUID
    seq: int
    kind: str
    call: UUID


async def places(conn: Connection) -> list[Place]:
    """The next place of every boot whose writer may still be alive."""
    async with conn.cursor(row_factory=struct_row(Place)) as cursor:
        await cursor.execute(
            """SELECT b.boot, coalesce((SELECT e.seq + 1 FROM audit_events e WHERE e.boot = b.boot
                ORDER BY e.seq DESC LIMIT 1), 0) AS seq FROM audit_boots b WHERE b.closed IS NULL"""
        )
        return await cursor.fetchall()


async def ended_since(conn: Connection, *, boots: list[UUID], seqs: list[int], limit: int) -> list[Ended]:
    """Rows of these boots from these places on, in their order."""
    async with conn.cursor(row_factory=struct_row(Ended)) as cursor:
        await cursor.execute(
            """SELECT e.boot, e.seq, e.kind, e.call
                FROM unnest(%(boots)s::uuid[], %(seqs)s::bigint[]) AS p(boot, seq)
                CROSS JOIN LATERAL (SELECT boot, seq, kind, call FROM audit_events e
                    WHERE e.boot = p.boot AND e.seq >= p.seq ORDER BY e.seq LIMIT %(limit)s) AS e
                ORDER BY e.boot, e.seq""",
            {"boots": boots, "seqs": seqs, "limit": limit},
        )
        return await cursor.fetchall()


async def allow(conn: Connection, milliseconds: int) -> None:
    """Give each statement of this transaction so long, one process, and no reading of whole partitions.

    A question must not take the processors from the calls that are being served; a walk along an index can end
    as soon as the page is full, and its order is that of the page.
    """
    await conn.execute(
        "SELECT set_config('statement_timeout', %s, true), set_config('enable_seqscan', 'off', true),"
        " set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)",
        (str(milliseconds),),
    )
