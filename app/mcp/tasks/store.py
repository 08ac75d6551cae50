"""All SQL about tasks; the caller owns the transaction."""

from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec

from app import db
from app.db import Connection, Pool, struct_row
from app.mcp.tasks.task import TaskStatus

__all__ = ["Pool"]


transaction = partial(db.transaction, what="Tasks cannot be read")
"""One transaction; a database that is away is a DatabaseError."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One task; `request` and `answer` are JSON."""

    id: str
    principal: str
    endpoint: str
    server: str
    tool: str
    call: UUID
    status: TaskStatus
    message: str
    upstream: str
    session: str
    request: str | None
    answer: str | None
    created: datetime
    updated: datetime
    expires: datetime
    leased: datetime | None


async def add(conn: Connection, task: Kept, *, most: int) -> bool:
    """Keep a new one, unless its principal has `most` of them already."""
    cursor = await conn.execute(
        """INSERT INTO mcp_tasks (id, principal, endpoint, server, tool, call, status, message, upstream, session,
            request, answer, created, updated, expires)
        SELECT %(id)s, %(principal)s, %(endpoint)s, %(server)s, %(tool)s, %(call)s, %(status)s, %(message)s,
            %(upstream)s, %(session)s, %(request)s, %(answer)s, %(created)s, %(updated)s, %(expires)s
        WHERE (SELECT count(*) FROM mcp_tasks WHERE principal = %(principal)s AND expires > %(created)s) < %(most)s""",
        {**msgspec.structs.asdict(task), "most": most},
    )
    return cursor.rowcount == 1


async def find(conn: Connection, id_: str, *, principal: str, endpoint: str, now: datetime) -> Kept | None:
    """One that is this principal's on this endpoint and has not expired."""
    cursor = conn.cursor(row_factory=struct_row(Kept))
    await cursor.execute(
        """SELECT id, principal, endpoint, server, tool, call, status, message, upstream, session, request, answer,
            created, updated, expires, leased
        FROM mcp_tasks WHERE id = %s AND principal = %s AND endpoint = %s AND expires > %s""",
        (id_, principal, endpoint, now),
    )
    return await cursor.fetchone()


async def newest(
    conn: Connection, *, principal: str, endpoint: str, before: str, most: int, now: datetime
) -> list[Kept]:
    """Those of a principal on an endpoint, newest first; `before` is the last id of the page before, or empty."""
    cursor = conn.cursor(row_factory=struct_row(Kept))
    await cursor.execute(
        """SELECT id, principal, endpoint, server, tool, call, status, message, upstream, session, request, answer,
            created, updated, expires, leased
        FROM mcp_tasks
        WHERE principal = %(principal)s AND endpoint = %(endpoint)s AND expires > %(now)s AND (%(before)s = ''
            OR (created, id) < (SELECT created, id FROM mcp_tasks WHERE id = %(before)s))
        ORDER BY created DESC, id DESC LIMIT %(most)s""",
        {"principal": principal, "endpoint": endpoint, "before": before, "most": most, "now": now},
    )
    return await cursor.fetchall()


async def move(
    conn: Connection, id_: str, status: TaskStatus, *, message: str, answer: str | None, now: datetime
) -> bool:
    """Give it another status; one that is over stays as it is. Whether it was moved."""
    cursor = await conn.execute(
        """UPDATE mcp_tasks SET status = %s, message = %s, answer = %s, updated = %s, request = NULL, leased = NULL
        WHERE id = %s AND status IN ('working', 'input_required')""",
        (status, message, answer, now, id_),
    )
    return cursor.rowcount == 1


async def note(conn: Connection, id_: str, status: TaskStatus, *, message: str, now: datetime) -> None:
    """What is told of one that is not over."""
    await conn.execute(
        """UPDATE mcp_tasks SET status = %s, message = %s, updated = %s
        WHERE id = %s AND status IN ('working', 'input_required') AND (status, message) <> (%s, %s)""",
        (status, message, now, id_, status, message),
    )


async def lease(conn: Connection, id_: str, *, until: datetime) -> bool:
    """Take it in order to make its call: one node does, once."""
    cursor = await conn.execute(
        """UPDATE mcp_tasks SET leased = %s
        WHERE id = %s AND status = 'working' AND request IS NOT NULL AND leased IS NULL""",
        (until, id_),
    )
    return cursor.rowcount == 1


async def release(conn: Connection, id_: str) -> None:
    """Give it back: its call could not be made yet."""
    await conn.execute("UPDATE mcp_tasks SET leased = NULL WHERE id = %s AND status = 'working'", (id_,))


async def prune(conn: Connection, *, now: datetime) -> int:
    """Forget what expired."""
    cursor = await conn.execute("DELETE FROM mcp_tasks WHERE expires <= %s", (now,))
    return cursor.rowcount
