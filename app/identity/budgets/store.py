"""All SQL about budgets. Each statement is one atomic step; `reserved` and `spent` never pass the limit by races."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.db import Connection, struct_row


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """What a key spent and holds back in the window that began at `starts`."""

    starts: date
    spent: int
    reserved: int


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """When the current windows began: UTC day and month."""

    day: date
    month: date


async def reserve(
    conn: Connection, passage: UUID, *, key: str, microdollars: int, starts: Starts, now: datetime
) -> bool:
    """Hold the amount back if it fits; the row lock of the window makes concurrent calls wait for each other."""
    cursor = await conn.execute(
        """WITH budget AS (
            SELECT prefix, budget_microdollars AS most, CASE budget_window
                WHEN 'day' THEN %(day)s::date WHEN 'month' THEN %(month)s::date ELSE date '1970-01-01' END AS starts
            FROM api_keys WHERE prefix = %(key)s AND budget_microdollars IS NOT NULL
        ), held AS (
            INSERT INTO budget_windows AS w (key, starts, spent, reserved)
            SELECT prefix, starts, 0, %(amount)s FROM budget WHERE %(amount)s <= most
            ON CONFLICT (key, starts) DO UPDATE SET reserved = w.reserved + excluded.reserved
                WHERE w.spent + w.reserved + excluded.reserved <= (SELECT most FROM budget)
            RETURNING w.key, w.starts
        )
        INSERT INTO budget_reservations (passage, key, starts, microdollars, created)
        SELECT %(passage)s, key, starts, %(amount)s, %(now)s FROM held""",
        {
            "key": key, "day": starts.day, "month": starts.month, "amount": microdollars,
            "passage": passage, "now": now,
        },
    )  # fmt: skip
    return cursor.rowcount == 1


async def settle(conn: Connection, passage: UUID, *, microdollars: int) -> bool:
    """Replace an open reservation by what was spent; False when there is none (any more)."""
    cursor = await conn.execute(
        """WITH closed AS (
            UPDATE budget_reservations SET settled = %(amount)s WHERE passage = %(passage)s AND settled IS NULL
            RETURNING key, starts, microdollars
        )
        UPDATE budget_windows w SET reserved = w.reserved - c.microdollars, spent = w.spent + %(amount)s
        FROM closed c WHERE w.key = c.key AND w.starts = c.starts""",
        {"passage": passage, "amount": microdollars},
    )
    return cursor.rowcount == 1


async def charge(
    conn: Connection, passage: UUID, *, key: str, microdollars: int, starts: Starts, now: datetime
) -> None:
    """Count what a call without a reservation spent, once."""
    await conn.execute(
        """WITH budget AS (
            SELECT prefix, CASE budget_window
                WHEN 'day' THEN %(day)s::date WHEN 'month' THEN %(month)s::date ELSE date '1970-01-01' END AS starts
            FROM api_keys WHERE prefix = %(key)s
                AND NOT EXISTS (SELECT FROM budget_reservations WHERE passage = %(passage)s)
        ), spent AS (
            INSERT INTO budget_windows AS w (key, starts, spent, reserved)
            SELECT prefix, starts, %(amount)s, 0 FROM budget
            ON CONFLICT (key, starts) DO UPDATE SET spent = w.spent + excluded.spent
            RETURNING w.key, w.starts
        )
        INSERT INTO budget_reservations (passage, key, starts, microdollars, created, settled)
        SELECT %(passage)s, key, starts, 0, %(now)s, %(amount)s FROM spent""",
        {
            "key": key, "day": starts.day, "month": starts.month, "amount": microdollars,
            "passage": passage, "now": now,
        },
    )  # fmt: skip


async def settle_lost(conn: Connection, passages: list[UUID]) -> int:
    """Calls whose outcome nobody knows cost what they reserved."""
    cursor = await conn.execute(
        """WITH closed AS (
            UPDATE budget_reservations SET settled = microdollars WHERE passage = ANY (%s) AND settled IS NULL
            RETURNING key, starts, microdollars
        ), sums AS (
            SELECT key, starts, sum(microdollars)::bigint AS amount, count(*) AS calls FROM closed GROUP BY key, starts
        ), moved AS (
            UPDATE budget_windows w SET reserved = w.reserved - s.amount, spent = w.spent + s.amount
            FROM sums s WHERE w.key = s.key AND w.starts = s.starts RETURNING s.calls
        )
        SELECT coalesce(sum(calls), 0)::bigint FROM moved""",
        (passages,),
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def open_before(conn: Connection, before: datetime) -> list[UUID]:
    """Reservations that no running call can still hold."""
    cursor = await conn.execute(
        "SELECT passage FROM budget_reservations WHERE settled IS NULL AND created < %s LIMIT 10000",
        (before,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def prune(conn: Connection, before: datetime) -> None:
    """Forget settled calls; their sums stay in the windows."""
    await conn.execute(
        "DELETE FROM budget_reservations WHERE settled IS NOT NULL AND created < %s", (before,)
    )


async def spending(conn: Connection, key: str) -> list[Spending]:
    """All windows of a key, newest first."""
    async with conn.cursor(row_factory=struct_row(Spending)) as cursor:
        await cursor.execute(
            "SELECT starts, spent, reserved FROM budget_windows WHERE key = %s ORDER BY starts DESC LIMIT 400",
            (key,),
        )
        return await cursor.fetchall()
