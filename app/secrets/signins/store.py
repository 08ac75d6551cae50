"""All SQL about sign-ins at remote tool servers."""

from collections.abc import Sequence
from datetime import datetime

from app.db import Connection, struct_row
from app.secrets.box import Sealed
from app.secrets.signins.records import AttemptRow, ClientRow, SignInRow


async def sign_in(conn: Connection, server: str, principal: str) -> SignInRow | None:
    """The sign-in of one principal at one server."""
    async with conn.cursor(row_factory=struct_row(SignInRow)) as cursor:
        await cursor.execute(
            """SELECT server, principal, version, state, problem, issuer, client_id, scopes, wanted, refreshable,
            expires, renew, signed_in, changed, wrapped, value
            FROM upstream_sign_ins WHERE server = %s AND principal = %s""",
            (server, principal),
        )
        return await cursor.fetchone()


async def sign_ins(conn: Connection) -> list[SignInRow]:
    """All of them."""
    async with conn.cursor(row_factory=struct_row(SignInRow)) as cursor:
        await cursor.execute(
            """SELECT server, principal, version, state, problem, issuer, client_id, scopes, wanted, refreshable,
            expires, renew, signed_in, changed, wrapped, value
            FROM upstream_sign_ins ORDER BY server, principal"""
        )
        return await cursor.fetchall()


async def next_version(conn: Connection, server: str, principal: str) -> int:
    """The version that the next box of this row is bound to; the row is locked."""
    cursor = await conn.execute(
        "SELECT version + 1 FROM upstream_sign_ins WHERE server = %s AND principal = %s FOR UPDATE",
        (server, principal),
    )
    found = await cursor.fetchone()
    return found[0] if found else 1


async def put_sign_in(conn: Connection, row: SignInRow) -> None:
    """A new sign-in, or new tokens for one; the lease ends."""
    await conn.execute(
        """INSERT INTO upstream_sign_ins (server, principal, version, state, problem, issuer, client_id, scopes, wanted,
        refreshable, expires, renew, signed_in, changed, refreshing_until, wrapped, value)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL, %s, %s)
        ON CONFLICT (server, principal) DO UPDATE SET version = excluded.version, state = excluded.state,
        problem = excluded.problem, issuer = excluded.issuer, client_id = excluded.client_id,
        scopes = excluded.scopes, wanted = excluded.wanted, refreshable = excluded.refreshable,
        expires = excluded.expires, renew = excluded.renew, signed_in = excluded.signed_in,
        changed = excluded.changed, refreshing_until = NULL, wrapped = excluded.wrapped, value = excluded.value""",
        (
            row.server, row.principal, row.version, row.state, row.problem, row.issuer, row.client_id,
            list(row.scopes), list(row.wanted), row.refreshable, row.expires, row.renew, row.signed_in, row.changed,
            row.wrapped, row.value,
        ),
    )  # fmt: skip


async def lease(
    conn: Connection, server: str, principal: str, version: int, *, now: datetime, until: datetime
) -> bool:
    """Whether we are the one that renews this version now."""
    cursor = await conn.execute(
        """UPDATE upstream_sign_ins SET refreshing_until = %s
        WHERE server = %s AND principal = %s AND version = %s AND state = 'signed in'
        AND (refreshing_until IS NULL OR refreshing_until < %s)""",
        (until, server, principal, version, now),
    )
    return cursor.rowcount == 1


async def end_lease(conn: Connection, server: str, principal: str, version: int) -> None:
    """It was not renewed: somebody else may try."""
    await conn.execute(
        """UPDATE upstream_sign_ins SET refreshing_until = NULL
        WHERE server = %s AND principal = %s AND version = %s""",
        (server, principal, version),
    )


async def end_sign_in(
    conn: Connection, server: str, principal: str, version: int, *, problem: str, now: datetime
) -> bool:
    """Empty its boxes; False when there is another version by now."""
    cursor = await conn.execute(
        """UPDATE upstream_sign_ins SET state = 'ended', problem = %s, changed = %s, refreshing_until = NULL,
        version = version + 1, wrapped = '', value = '', expires = NULL, renew = NULL
        WHERE server = %s AND principal = %s AND version = %s AND state = 'signed in'""",
        (problem, now, server, principal, version),
    )
    return cursor.rowcount == 1


async def set_wanted(conn: Connection, server: str, principal: str, wanted: Sequence[str]) -> None:
    """Scopes that the next sign-in asks for."""
    await conn.execute(
        "UPDATE upstream_sign_ins SET wanted = %s WHERE server = %s AND principal = %s",
        (list(wanted), server, principal),
    )


async def set_sign_in_key(conn: Connection, server: str, principal: str, wrapped: bytes) -> None:
    """The data key in the box of another master key."""
    await conn.execute(
        "UPDATE upstream_sign_ins SET wrapped = %s WHERE server = %s AND principal = %s",
        (wrapped, server, principal),
    )


# --- sign-ins that were begun


async def insert_attempt(conn: Connection, row: AttemptRow, *, now: datetime) -> None:
    """A sign-in that was begun; what is too old goes."""
    await conn.execute("DELETE FROM upstream_attempts WHERE expires < %s", (now,))
    await conn.execute(
        """INSERT INTO upstream_attempts (state_hash, server, principal, via, session, created, expires, wrapped, value)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            row.state_hash, row.server, row.principal, row.via, row.session, now, row.expires,
            row.wrapped, row.value,
        ),
    )  # fmt: skip


async def attempts_of(conn: Connection, principal: str, *, now: datetime) -> int:
    """How many this principal has under way."""
    cursor = await conn.execute(
        "SELECT count(*) FROM upstream_attempts WHERE principal = %s AND expires >= %s", (principal, now)
    )
    found = await cursor.fetchone()
    return found[0] if found else 0


async def attempt(conn: Connection, state_hash: bytes) -> AttemptRow | None:
    """A sign-in that was begun."""
    async with conn.cursor(row_factory=struct_row(AttemptRow)) as cursor:
        await cursor.execute(
            """SELECT state_hash, server, principal, via, session, expires, wrapped, value, answer_wrapped, answer
            FROM upstream_attempts WHERE state_hash = %s""",
            (state_hash,),
        )
        return await cursor.fetchone()


async def attempts(conn: Connection) -> list[AttemptRow]:
    """All of them."""
    async with conn.cursor(row_factory=struct_row(AttemptRow)) as cursor:
        await cursor.execute(
            """SELECT state_hash, server, principal, via, session, expires, wrapped, value, answer_wrapped, answer
            FROM upstream_attempts"""
        )
        return await cursor.fetchall()


async def delete_attempt(conn: Connection, state_hash: bytes) -> bool:
    """Use it up; False when somebody else did."""
    cursor = await conn.execute("DELETE FROM upstream_attempts WHERE state_hash = %s", (state_hash,))
    return cursor.rowcount == 1


async def set_answer(conn: Connection, state_hash: bytes, sealed: Sealed) -> bool:
    """What the browser brought; the first answer stays."""
    cursor = await conn.execute(
        """UPDATE upstream_attempts SET answer_wrapped = %s, answer = %s
        WHERE state_hash = %s AND answer = '' AND via = 'cli'""",
        (sealed.wrapped, sealed.value, state_hash),
    )
    return cursor.rowcount == 1


async def set_attempt_keys(conn: Connection, state_hash: bytes, wrapped: bytes, answer: bytes) -> None:
    """The data keys in boxes of another master key."""
    await conn.execute(
        "UPDATE upstream_attempts SET wrapped = %s, answer_wrapped = %s WHERE state_hash = %s",
        (wrapped, answer, state_hash),
    )


# --- registrations


async def client(conn: Connection, server: str, issuer: str, redirect: str) -> ClientRow | None:
    """What we are registered as."""
    async with conn.cursor(row_factory=struct_row(ClientRow)) as cursor:
        await cursor.execute(
            """SELECT server, issuer, redirect, client_id, wrapped, value
            FROM upstream_clients WHERE server = %s AND issuer = %s AND redirect = %s""",
            (server, issuer, redirect),
        )
        return await cursor.fetchone()


async def clients(conn: Connection) -> list[ClientRow]:
    """All of them."""
    async with conn.cursor(row_factory=struct_row(ClientRow)) as cursor:
        await cursor.execute(
            "SELECT server, issuer, redirect, client_id, wrapped, value FROM upstream_clients"
        )
        return await cursor.fetchall()


async def put_client(conn: Connection, row: ClientRow, *, now: datetime) -> None:
    """A registration, in place of the one before."""
    await conn.execute(
        """INSERT INTO upstream_clients (server, issuer, redirect, client_id, created, wrapped, value)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (server, issuer, redirect) DO UPDATE SET client_id = excluded.client_id,
        created = excluded.created, wrapped = excluded.wrapped, value = excluded.value""",
        (row.server, row.issuer, row.redirect, row.client_id, now, row.wrapped, row.value),
    )


async def delete_client(conn: Connection, server: str, issuer: str, client_id: str) -> None:
    """The authorization server does not know it any more."""
    await conn.execute(
        "DELETE FROM upstream_clients WHERE server = %s AND issuer = %s AND client_id = %s",
        (server, issuer, client_id),
    )


async def set_client_key(conn: Connection, row: ClientRow, wrapped: bytes) -> None:
    """The data key in the box of another master key."""
    await conn.execute(
        "UPDATE upstream_clients SET wrapped = %s WHERE server = %s AND issuer = %s AND redirect = %s",
        (wrapped, row.server, row.issuer, row.redirect),
    )
