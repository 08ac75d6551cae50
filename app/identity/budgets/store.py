"""All SQL about budgets. Two functions of the schema hold back and settle under all budgets of a call at once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.core.usage import Amounts
from app.db import Connection, struct_row
from app.identity.budgets.records import Alert, Budget, Meant, Share, Spending


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A budget that does not cover a call, and when what fills it counts no more."""

    name: str
    ends: datetime | None


# --- calls


async def reserve(
    conn: Connection, passage: UUID, shares: Sequence[Share], amounts: Amounts, *, now: datetime
) -> list[Refused]:
    """Hold the amounts back under every budget; if one refuses, under none."""
    async with conn.cursor(row_factory=struct_row(Refused)) as cursor:
        await cursor.execute(
            """SELECT name, ends FROM budget_reserve(
                %(passage)s, %(names)s::text[], %(holders)s::text[], %(amounts)s::bigint[], %(now)s)""",
            {
                "passage": passage, "now": now, "names": [share.budget for share in shares],
                "holders": [share.holder for share in shares],
                "amounts": [amounts.of(share.unit) for share in shares],
            },
        )  # fmt: skip
        return await cursor.fetchall()


async def settle(
    conn: Connection, passage: UUID, shares: Sequence[Share], amounts: Amounts | None, *, now: datetime
) -> int:
    """Replace what is held back by what was spent, once; without amounts by itself. How many limits were reached."""
    cursor = await conn.execute(
        """SELECT budget_settle(%(passage)s, %(names)s::text[], %(holders)s::text[], %(microdollars)s::bigint,
            %(tokens)s::bigint, %(requests)s::bigint, %(now)s)""",
        {
            "passage": passage, "now": now, "names": [share.budget for share in shares],
            "holders": [share.holder for share in shares],
            "microdollars": amounts.microdollars if amounts else None,
            "tokens": amounts.tokens if amounts else None,
            "requests": amounts.requests if amounts else None,
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    return row[0] if row else 0


async def settled(conn: Connection, passages: list[UUID]) -> dict[UUID, int]:
    """What calls came to in microdollars, where a budget counts them."""
    cursor = await conn.execute(
        """SELECT h.passage, max(h.settled) FROM budget_holds h JOIN budgets b ON b.name = h.budget
        WHERE h.passage = ANY (%s) AND b.unit = 'microdollars' AND h.settled IS NOT NULL GROUP BY h.passage""",
        (passages,),
    )
    return dict(await cursor.fetchall())


async def open_before(conn: Connection, before: datetime) -> list[UUID]:
    """Calls that have held something back since then, oldest first."""
    cursor = await conn.execute(
        """SELECT passage FROM (SELECT passage, min(created) AS created FROM budget_holds
            WHERE settled IS NULL AND created < %s GROUP BY passage) open ORDER BY created LIMIT 1000""",
        (before,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def prune(conn: Connection, before: datetime) -> None:
    """Forget settled calls and the parts of rolling windows that count no more; sums of calendar windows stay."""
    await conn.execute("DELETE FROM budget_holds WHERE settled IS NOT NULL AND created < %s", (before,))
    await conn.execute(
        """DELETE FROM budget_ledger l USING budgets b WHERE b.name = l.budget AND l.starts < %s::timestamptz - 2 * b.span
            AND l.reserved = 0
            AND NOT EXISTS (SELECT FROM budget_holds h
                WHERE h.budget = l.budget AND h.holder = l.holder AND h.starts = l.starts)""",
        (before,),
    )


# --- definitions


async def meant(conn: Connection) -> list[Meant]:
    """All budgets, as calls are compared with them."""
    async with conn.cursor(row_factory=struct_row(Meant)) as cursor:
        await cursor.execute(
            "SELECT name, subject_kind, subject, apart, models, unit FROM budgets ORDER BY name"
        )
        return await cursor.fetchall()


async def budgets(conn: Connection, name: str | None = None) -> list[Budget]:
    """Budgets by name, with the names of accounts."""
    async with conn.cursor(row_factory=struct_row(Budget)) as cursor:
        await cursor.execute(
            """SELECT b.name, b.subject_kind, coalesce(p.name, b.subject) AS subject, b.apart, b.models, b.unit, b.hard,
                b.soft, b.period, b.zone, b.span IS NOT NULL AS rolling, b.created, b.created_by
            FROM budgets b LEFT JOIN principals p
                ON b.subject_kind IN ('user', 'service', 'agent') AND p.id::text = b.subject
            WHERE (%(name)s::text IS NULL OR b.name = %(name)s) ORDER BY b.name LIMIT 10000""",
            {"name": name},
        )
        return await cursor.fetchall()


async def put(conn: Connection, budget: Budget, *, subject: str) -> None:
    """Set or replace; what was spent stays counted unless the window or the unit is another."""
    await conn.execute(
        """WITH other AS (
            DELETE FROM budget_holders h USING budgets b WHERE b.name = %(name)s AND h.budget = b.name
                AND (b.unit, b.period, b.zone, b.span IS NOT NULL, b.apart, b.subject_kind, b.subject)
                    IS DISTINCT FROM (%(unit)s, %(period)s, %(zone)s, %(rolling)s, %(apart)s, %(kind)s, %(subject)s)
        )
        INSERT INTO budgets (name, subject_kind, subject, apart, models, unit, hard, soft, period, zone, span,
            created, created_by)
        VALUES (%(name)s, %(kind)s, %(subject)s, %(apart)s, %(models)s::text[], %(unit)s, %(hard)s::bigint,
            %(soft)s::bigint[], %(period)s, %(zone)s, CASE WHEN %(rolling)s THEN (CASE %(period)s WHEN 'hour' THEN 1
                WHEN 'day' THEN 24 WHEN 'week' THEN 168 ELSE 720 END) * interval '1 hour' END,
            %(created)s, %(by)s)
        ON CONFLICT (name) DO UPDATE SET subject_kind = excluded.subject_kind, subject = excluded.subject,
            apart = excluded.apart, models = excluded.models, unit = excluded.unit, hard = excluded.hard,
            soft = excluded.soft, period = excluded.period, zone = excluded.zone, span = excluded.span""",
        {
            "name": budget.name, "kind": budget.subject_kind, "subject": subject, "apart": budget.apart,
            "models": list(budget.models), "unit": budget.unit, "hard": budget.hard, "soft": list(budget.soft),
            "period": budget.period, "zone": budget.zone, "rolling": budget.rolling, "created": budget.created,
            "by": budget.created_by,
        },
    )  # fmt: skip


async def remove(conn: Connection, name: str) -> bool:
    """Take a budget away with what it counted; False when there was none."""
    return (await conn.execute("DELETE FROM budgets WHERE name = %s", (name,))).rowcount == 1


async def zone_known(conn: Connection, zone: str) -> bool:
    """Whether the database has this time zone."""
    cursor = await conn.execute("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %s)", (zone,))
    row = await cursor.fetchone()
    return row is not None and row[0]


async def spending(conn: Connection, name: str | None, *, now: datetime) -> list[Spending]:
    """What stands in the present windows of one budget or of all."""
    async with conn.cursor(row_factory=struct_row(Spending)) as cursor:
        await cursor.execute(
            """SELECT b.name AS budget, coalesce(p.name, h.holder) AS holder, coalesce(s.oldest, c.starts) AS starts,
                budget_ends(b.period, b.zone, b.span, coalesce(s.oldest, c.starts)) AS ends, s.spent, s.reserved
            FROM budgets b JOIN budget_holders h ON h.budget = b.name
            LEFT JOIN principals p ON p.id::text = h.holder
            CROSS JOIN LATERAL budget_starts(b.period, b.zone, b.span, %(now)s) AS c (starts)
            CROSS JOIN LATERAL (
                SELECT min(l.starts) AS oldest, coalesce(sum(l.spent), 0)::bigint AS spent,
                    coalesce(sum(l.reserved), 0)::bigint AS reserved
                FROM budget_ledger l WHERE l.budget = b.name AND l.holder = h.holder
                    AND l.starts BETWEEN c.starts - coalesce(b.span, interval '0') AND c.starts
            ) s
            WHERE %(name)s::text IS NULL OR b.name = %(name)s ORDER BY b.name, holder LIMIT 10000""",
            {"name": name, "now": now},
        )
        return await cursor.fetchall()


async def history(conn: Connection, name: str) -> list[Spending]:
    """The last windows of a budget, newest first."""
    async with conn.cursor(row_factory=struct_row(Spending)) as cursor:
        await cursor.execute(
            """SELECT b.name AS budget, coalesce(p.name, l.holder) AS holder, l.starts,
                budget_ends(b.period, b.zone, b.span, l.starts) AS ends, l.spent, l.reserved
            FROM budgets b JOIN budget_ledger l ON l.budget = b.name LEFT JOIN principals p ON p.id::text = l.holder
            WHERE b.name = %s ORDER BY l.starts DESC, holder LIMIT 400""",
            (name,),
        )
        return await cursor.fetchall()


# --- alerts


async def untold(conn: Connection) -> list[Alert]:
    """Limits that were reached and nobody was told of, taken until the transaction ends."""
    async with conn.cursor(row_factory=struct_row(Alert)) as cursor:
        await cursor.execute(
            """SELECT a.budget, a.holder, a.starts, a.threshold, a.amount, b.unit, b.hard, a.created
            FROM budget_alerts a JOIN budgets b ON b.name = a.budget WHERE a.told IS NULL
            ORDER BY a.created LIMIT 100 FOR UPDATE OF a SKIP LOCKED"""
        )
        return await cursor.fetchall()


async def told(conn: Connection, alert: Alert, *, now: datetime) -> None:
    """It stands in the record."""
    await conn.execute(
        """UPDATE budget_alerts SET told = %s WHERE budget = %s AND holder = %s AND starts = %s AND threshold = %s""",
        (now, alert.budget, alert.holder, alert.starts, alert.threshold),
    )
