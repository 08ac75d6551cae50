"""What the record says that calls came to."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.db import Connection, Pool, struct_row, transaction

__all__ = ["Pool", "transaction"]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The last row of a call."""

    call: UUID
    lost: bool
    microdollars: int
    tokens: int


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody spent on a model: calls that ended, tokens, microdollars, and of those what was estimated."""

    actor: str
    actor_kind: str
    model: str
    calls: int
    tokens: int
    microdollars: int
    estimated: int


async def ended(conn: Connection, calls: list[UUID]) -> list[Ended]:
    """Those of these calls that have ended."""
    async with conn.cursor(row_factory=struct_row(Ended)) as cursor:
        await cursor.execute(
            "SELECT DISTINCT ON (call) call, kind = 'lost' AS lost, coalesce(microdollars, 0) AS microdollars,"
            " (coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(cache_read_tokens, 0)"
            " + coalesce(cache_write_tokens, 0)) AS tokens"
            " FROM audit_events WHERE call = ANY (%s) AND kind IN ('outcome', 'lost') ORDER BY call, id",
            (calls,),
        )
        return await cursor.fetchall()


async def begun(conn: Connection, calls: list[UUID]) -> list[UUID]:
    """Those of these calls that the record knows."""
    cursor = await conn.execute("SELECT DISTINCT call FROM audit_events WHERE call = ANY (%s)", (calls,))
    return [row[0] for row in await cursor.fetchall()]


async def spent(conn: Connection, *, since: datetime, first: UUID, limit: int) -> list[Spent]:
    """By person and model, the most costly first, over the newest `limit` ended calls since then."""
    async with conn.cursor(row_factory=struct_row(Spent)) as cursor:
        await cursor.execute(
            "WITH ended AS (SELECT o.call, o.microdollars, coalesce(o.input_tokens, 0) + coalesce(o.output_tokens, 0)"
            " + coalesce(o.cache_read_tokens, 0) + coalesce(o.cache_write_tokens, 0) AS tokens,"
            " o.body ? 'usage_estimated' AS estimated"
            " FROM audit_events o WHERE o.id >= %(first)s AND o.time >= %(since)s AND o.kind IN ('outcome', 'lost')"
            " AND o.action = 'model.invoke' ORDER BY o.id DESC LIMIT %(limit)s)"
            " SELECT coalesce(s.name, CASE WHEN s.erased IS NOT NULL THEN 'erased' END, i.actor, '') AS actor,"
            " coalesce(i.actor_kind, '') AS actor_kind, coalesce(i.resource, '') AS model, count(*) AS calls,"
            " sum(e.tokens)::bigint AS tokens, sum(coalesce(e.microdollars, 0))::bigint AS microdollars,"
            " coalesce(sum(e.microdollars) FILTER (WHERE e.estimated), 0)::bigint AS estimated"
            " FROM ended e JOIN audit_events i ON i.call = e.call AND i.kind = 'intent'"
            " LEFT JOIN audit_subjects s ON s.subject = i.subject"
            " GROUP BY 1, 2, 3 ORDER BY 6 DESC, 4 DESC, 1, 3 LIMIT 10000",
            {"first": first, "since": since, "limit": limit},
        )
        return await cursor.fetchall()
