"""All SQL about passwords, sessions, one-time links and the look-up of credentials."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from app.db import Connection, struct_row


class StoredPassword(msgspec.Struct, frozen=True, kw_only=True):
    """The hash of an account's password."""

    phc: str


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying an API key needs."""

    prefix: str
    secret_hash: bytes
    scopes: tuple[str, ...] | None
    state: Literal["active", "disabled", "revoked"]
    expires: datetime | None
    version: int
    """That of all identities when it was read."""
    owner: str


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session without its secret."""

    id: UUID
    account: str
    created: datetime
    last_used: datetime
    expires: datetime
    address: str
    client: str


class StoredLink(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time link; `account` is empty for the first administrator's."""

    purpose: Literal["first_administrator", "sign_in"]
    account: str
    expires: datetime
    used: datetime | None


# --- passwords


async def put_password(conn: Connection, principal: UUID, phc: str, *, now: datetime) -> None:
    """Set or replace."""
    await conn.execute(
        """INSERT INTO passwords (principal, phc, changed) VALUES (%s, %s, %s)
        ON CONFLICT (principal) DO UPDATE SET phc = excluded.phc, changed = excluded.changed""",
        (principal, phc, now),
    )


async def password(conn: Connection, name: str) -> StoredPassword | None:
    """The password hash of a user."""
    async with conn.cursor(row_factory=struct_row(StoredPassword)) as cursor:
        await cursor.execute(
            """SELECT w.phc FROM passwords w JOIN principals p ON p.id = w.principal
            WHERE p.name = %s AND p.kind = 'user'""",
            (name,),
        )
        return await cursor.fetchone()


async def claim_attempt(
    conn: Connection, subject: bytes, *, now: datetime, limit: int, window: timedelta
) -> bool:
    """Count a try before its password is looked at, so that parallel guesses cannot exceed the limit.

    False when the subject is locked. The lock lasts `window` from the last try that counted.
    """
    cursor = await conn.execute(
        """INSERT INTO sign_in_attempts AS a (subject, attempts, since) VALUES (%(subject)s, 1, %(now)s)
        ON CONFLICT (subject) DO UPDATE SET
            attempts = CASE WHEN a.since <= %(stale)s THEN 1 ELSE least(a.attempts, %(limit)s) + 1 END,
            since = CASE WHEN a.since <= %(stale)s OR a.attempts < %(limit)s THEN %(now)s ELSE a.since END
        RETURNING attempts <= %(limit)s""",
        {"subject": subject, "now": now, "limit": limit, "stale": now - window},
    )
    row = await cursor.fetchone()
    return row is not None and row[0]


async def clear_attempts(conn: Connection, subject: bytes) -> None:
    """After a success, or by an administrator."""
    await conn.execute("DELETE FROM sign_in_attempts WHERE subject = %s", (subject,))


async def prune_attempts(conn: Connection, *, before: datetime) -> None:
    """Forget tries that no longer count."""
    await conn.execute("DELETE FROM sign_in_attempts WHERE since < %s", (before,))


# --- API keys


async def stored_key(conn: Connection, prefix: str) -> StoredKey | None:
    """The key of that prefix, whatever its state."""
    async with conn.cursor(row_factory=struct_row(StoredKey)) as cursor:
        await cursor.execute(
            """SELECT k.prefix, k.secret_hash, k.scopes, k.state, k.expires,
                (SELECT v.version FROM identity_version v) AS version, p.name AS owner
            FROM api_keys k JOIN principals p ON p.id = k.owner WHERE k.prefix = %s""",
            (prefix,),
        )
        return await cursor.fetchone()


async def touch_keys(conn: Connection, prefixes: list[str], *, now: datetime) -> None:
    """Write when keys were last used, at most once a minute each."""
    await conn.execute(
        """UPDATE api_keys SET last_used = %(now)s WHERE prefix = ANY (%(prefixes)s)
        AND (last_used IS NULL OR last_used <= %(now)s::timestamptz - interval '1 minute')""",
        {"now": now, "prefixes": prefixes},
    )


# --- sessions


async def insert_session(conn: Connection, session: StoredSession, *, principal: UUID, hashed: bytes) -> None:
    """A new session."""
    await conn.execute(
        """INSERT INTO sessions (id, secret_hash, principal, created, last_used, expires, address, client)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            session.id, hashed, principal, session.created, session.last_used, session.expires,
            session.address, session.client,
        ),
    )  # fmt: skip


async def session(conn: Connection, hashed: bytes) -> StoredSession | None:
    """The session of a secret. The index finds it: 256 random bits leave nothing to learn from its timing."""
    async with conn.cursor(row_factory=struct_row(StoredSession)) as cursor:
        await cursor.execute(
            """SELECT s.id, p.name AS account, s.created, s.last_used, s.expires, s.address, s.client
            FROM sessions s JOIN principals p ON p.id = s.principal WHERE s.secret_hash = %s""",
            (hashed,),
        )
        return await cursor.fetchone()


async def sessions(
    conn: Connection, *, account: str | None, idle_since: datetime, now: datetime
) -> list[StoredSession]:
    """Sessions that still work, newest first."""
    async with conn.cursor(row_factory=struct_row(StoredSession)) as cursor:
        await cursor.execute(
            """SELECT s.id, p.name AS account, s.created, s.last_used, s.expires, s.address, s.client
            FROM sessions s JOIN principals p ON p.id = s.principal
            WHERE (%(account)s::text IS NULL OR p.name = %(account)s)
                AND s.expires > %(now)s AND s.last_used > %(idle_since)s
            ORDER BY s.created DESC LIMIT 10000""",
            {"account": account, "now": now, "idle_since": idle_since},
        )
        return await cursor.fetchall()


async def touch_sessions(conn: Connection, ids: list[UUID], used: list[datetime]) -> None:
    """Write when sessions were last used."""
    await conn.execute(
        """UPDATE sessions s SET last_used = greatest(s.last_used, u.used)
        FROM unnest(%s::uuid[], %s::timestamptz[]) AS u (id, used) WHERE s.id = u.id""",
        (ids, used),
    )


async def end_session(conn: Connection, session_id: UUID, *, account: str | None) -> bool:
    """False when it had ended, or is not this account's."""
    cursor = await conn.execute(
        """DELETE FROM sessions s USING principals p
        WHERE s.id = %(id)s AND p.id = s.principal AND (%(account)s::text IS NULL OR p.name = %(account)s)""",
        {"id": session_id, "account": account},
    )
    return cursor.rowcount == 1


async def end_sessions(conn: Connection, principal: UUID) -> None:
    """All sessions and open sign-in links of an account."""
    await conn.execute("DELETE FROM sessions WHERE principal = %s", (principal,))
    await conn.execute("DELETE FROM setup_tokens WHERE principal = %s AND used IS NULL", (principal,))


async def prune_sessions(conn: Connection, *, idle_since: datetime, now: datetime) -> None:
    """Remove sessions that no longer work."""
    await conn.execute("DELETE FROM sessions WHERE expires <= %s OR last_used <= %s", (now, idle_since))


# --- one-time links


async def insert_link(
    conn: Connection,
    hashed: bytes,
    *,
    purpose: str,
    principal: UUID | None,
    now: datetime,
    expires: datetime,
) -> None:
    """A link that works once."""
    await conn.execute(
        "INSERT INTO setup_tokens (secret_hash, purpose, principal, created, expires) VALUES (%s, %s, %s, %s, %s)",
        (hashed, purpose, principal, now, expires),
    )


async def link(conn: Connection, hashed: bytes) -> StoredLink | None:
    """The link of a secret, used or not."""
    async with conn.cursor(row_factory=struct_row(StoredLink)) as cursor:
        await cursor.execute(
            """SELECT t.purpose, coalesce(p.name, '') AS account, t.expires, t.used
            FROM setup_tokens t LEFT JOIN principals p ON p.id = t.principal WHERE t.secret_hash = %s""",
            (hashed,),
        )
        return await cursor.fetchone()


async def use_link(conn: Connection, hashed: bytes, *, now: datetime) -> bool:
    """True for exactly one caller, and only in time."""
    cursor = await conn.execute(
        "UPDATE setup_tokens SET used = %(now)s WHERE secret_hash = %(hash)s AND used IS NULL AND expires > %(now)s",
        {"now": now, "hash": hashed},
    )
    return cursor.rowcount == 1


async def drop_first_administrator_links(conn: Connection) -> None:
    """A new setup link replaces the ones before it."""
    await conn.execute("DELETE FROM setup_tokens WHERE purpose = 'first_administrator' AND used IS NULL")
