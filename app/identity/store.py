"""All SQL about accounts, groups, roles and API keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncCursor

from app import db
from app.core.errors import DatabaseError, InputError
from app.db import Connection, Pool, struct_row
from app.identity.records import Account, AccountKind, ApiKey, Group, Role

__all__ = ["Connection", "Pool", "transaction"]


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One transaction; a database that is away is a DatabaseError, never somebody unknown."""
    try:
        async with db.transaction(pool, what="Identities cannot be read") as conn:
            yield conn
    except (psycopg.DataError, UnicodeEncodeError):
        raise InputError("A value holds characters that cannot be stored.", code="invalid_text") from None


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for single statements, each its own transaction and one round trip."""
    with db.trouble_told("Identities cannot be read"):
        async with pool.connection() as conn:
            yield conn


def _one(cursor: AsyncCursor[Any]) -> bool:
    return cursor.rowcount == 1


# --- version: the lock of all changes, and what caches follow


async def lock_and_bump(conn: Connection) -> int:
    """Make this transaction the only one that changes identities, and return the version it will leave."""
    cursor = await conn.execute(
        """WITH bumped AS (UPDATE identity_version SET version = version + 1 RETURNING version)
        SELECT version, pg_notify('sallyport_changed', 'identity') FROM bumped"""
    )
    return _only(await cursor.fetchone())


async def version(conn: Connection) -> int:
    """The version that the last change left."""
    return _only(await (await conn.execute("SELECT version FROM identity_version")).fetchone())


async def hold_still(conn: Connection) -> None:
    """Let nobody change identities until this transaction ends; many may hold at once."""
    await conn.execute("SELECT version FROM identity_version FOR SHARE")


async def count_administrators(conn: Connection) -> int:
    """Active users who are administrators by themselves or through a group."""
    cursor = await conn.execute(
        """SELECT count(*) FROM accounts
        WHERE kind = 'user' AND state = 'active' AND 'administrator' = ANY (roles)"""
    )
    return _only(await cursor.fetchone())


def _only(row: Any) -> int:
    if row is None:
        raise DatabaseError("The identity tables are incomplete.", remedy="Restore a backup.")
    return row[0]


# --- accounts


async def insert_account(
    conn: Connection,
    *,
    principal: UUID,
    kind: AccountKind,
    name: str,
    display_name: str,
    now: datetime,
    by: str,
) -> bool:
    """False when the name was ever used."""
    return _one(
        await conn.execute(
            """INSERT INTO principals (id, kind, name, display_name, created, created_by)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO NOTHING""",
            (principal, kind, name, display_name, now, by),
        )
    )


async def account(conn: Connection, name: str) -> Account | None:
    """The account of that name, deleted ones too."""
    async with conn.cursor(row_factory=struct_row(Account)) as cursor:
        await cursor.execute(
            """SELECT id, kind, name, display_name, state, created, created_by, roles, groups
            FROM accounts WHERE name = %s""",
            (name,),
        )
        return await cursor.fetchone()


async def accounts(conn: Connection, *, kind: AccountKind, after: str, limit: int) -> list[Account]:
    """Accounts of one kind by name, without deleted ones."""
    async with conn.cursor(row_factory=struct_row(Account)) as cursor:
        await cursor.execute(
            """SELECT id, kind, name, display_name, state, created, created_by, roles, groups
            FROM accounts WHERE kind = %s AND state <> 'deleted' AND name > %s
            ORDER BY name LIMIT %s""",
            (kind, after, limit),
        )
        return await cursor.fetchall()


async def set_account_state(conn: Connection, principal: UUID, state: str) -> None:
    """Active, disabled or deleted."""
    await conn.execute("UPDATE principals SET state = %s WHERE id = %s", (state, principal))


async def strip_account(conn: Connection, principal: UUID) -> None:
    """Take away every credential, group and role."""
    await conn.execute(
        """WITH a AS (DELETE FROM passwords WHERE principal = %(id)s),
            b AS (DELETE FROM sessions WHERE principal = %(id)s),
            c AS (DELETE FROM setup_tokens WHERE principal = %(id)s),
            d AS (DELETE FROM group_members WHERE principal = %(id)s),
            e AS (DELETE FROM principal_roles WHERE principal = %(id)s)
        UPDATE api_keys SET state = 'revoked' WHERE owner = %(id)s""",
        {"id": principal},
    )


async def forget_name(conn: Connection, principal: UUID, *, name: str, instead: str) -> None:
    """Another name for a deleted account, wherever the old one stands."""
    await conn.execute(
        """WITH a AS (UPDATE principals SET created_by = %(instead)s WHERE created_by = %(name)s AND id <> %(id)s),
            b AS (UPDATE groups SET created_by = %(instead)s WHERE created_by = %(name)s),
            d AS (UPDATE budgets SET created_by = %(instead)s WHERE created_by = %(name)s),
            c AS (UPDATE api_keys SET created_by = CASE created_by WHEN %(name)s THEN %(instead)s ELSE created_by END,
                      label = CASE owner WHEN %(id)s THEN '' ELSE label END
                  WHERE created_by = %(name)s OR owner = %(id)s)
        UPDATE principals SET name = %(instead)s, display_name = '', state = 'deleted',
            created_by = CASE created_by WHEN %(name)s THEN %(instead)s ELSE created_by END
        WHERE id = %(id)s""",
        {"id": principal, "name": name, "instead": instead},
    )


# --- groups


async def insert_group(conn: Connection, *, name: str, description: str, now: datetime, by: str) -> bool:
    """False when the group exists."""
    return _one(
        await conn.execute(
            """INSERT INTO groups (name, description, created, created_by) VALUES (%s, %s, %s, %s)
        ON CONFLICT (name) DO NOTHING""",
            (name, description, now, by),
        )
    )


async def groups(conn: Connection, *, name: str | None = None) -> list[Group]:
    """All groups by name, or one."""
    async with conn.cursor(row_factory=struct_row(Group)) as cursor:
        await cursor.execute(
            """SELECT g.name, g.description, g.created, g.created_by,
                ARRAY(SELECT p.name FROM group_members m JOIN principals p ON p.id = m.principal
                    WHERE m.group_name = g.name ORDER BY 1) AS members,
                ARRAY(SELECT r.role FROM group_roles r WHERE r.group_name = g.name ORDER BY 1) AS roles
            FROM groups g WHERE %(name)s::text IS NULL OR g.name = %(name)s ORDER BY g.name""",
            {"name": name},
        )
        return await cursor.fetchall()


async def delete_group(conn: Connection, name: str) -> bool:
    """With its memberships; False when there was none."""
    return _one(await conn.execute("DELETE FROM groups WHERE name = %s", (name,)))


async def add_member(conn: Connection, *, group: str, principal: UUID) -> bool:
    """False when already a member."""
    return _one(
        await conn.execute(
            "INSERT INTO group_members (group_name, principal) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (group, principal),
        )
    )


async def remove_member(conn: Connection, *, group: str, principal: UUID) -> bool:
    """False when not a member."""
    return _one(
        await conn.execute(
            "DELETE FROM group_members WHERE group_name = %s AND principal = %s", (group, principal)
        )
    )


# --- roles


async def insert_role(conn: Connection, *, name: str, description: str) -> bool:
    """False when the role exists."""
    return _one(
        await conn.execute(
            "INSERT INTO roles (name, description) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
            (name, description),
        )
    )


async def roles(conn: Connection, *, name: str | None = None) -> list[Role]:
    """All roles by name, or one, with who has it directly."""
    async with conn.cursor(row_factory=struct_row(Role)) as cursor:
        await cursor.execute(
            """SELECT r.name, r.description, r.built_in,
                ARRAY(SELECT p.name FROM principal_roles x JOIN principals p ON p.id = x.principal
                    WHERE x.role = r.name ORDER BY 1) AS accounts,
                ARRAY(SELECT x.group_name FROM group_roles x WHERE x.role = r.name ORDER BY 1) AS groups
            FROM roles r WHERE %(name)s::text IS NULL OR r.name = %(name)s ORDER BY r.name""",
            {"name": name},
        )
        return await cursor.fetchall()


async def delete_role(conn: Connection, name: str) -> None:
    """Take the role from everybody and delete it."""
    await conn.execute("DELETE FROM principal_roles WHERE role = %s", (name,))
    await conn.execute("DELETE FROM group_roles WHERE role = %s", (name,))
    await conn.execute("DELETE FROM roles WHERE name = %s", (name,))


async def grant_to_account(conn: Connection, *, role: str, principal: UUID) -> bool:
    """False when it had the role."""
    return _one(
        await conn.execute(
            "INSERT INTO principal_roles (role, principal) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (role, principal),
        )
    )


async def revoke_from_account(conn: Connection, *, role: str, principal: UUID) -> bool:
    """False when it did not have the role directly."""
    return _one(
        await conn.execute(
            "DELETE FROM principal_roles WHERE role = %s AND principal = %s", (role, principal)
        )
    )


async def grant_to_group(conn: Connection, *, role: str, group: str) -> bool:
    """False when it had the role."""
    return _one(
        await conn.execute(
            "INSERT INTO group_roles (role, group_name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (role, group),
        )
    )


async def revoke_from_group(conn: Connection, *, role: str, group: str) -> bool:
    """False when it did not have the role."""
    return _one(
        await conn.execute("DELETE FROM group_roles WHERE role = %s AND group_name = %s", (role, group))
    )


# --- API keys


async def insert_key(conn: Connection, key: ApiKey, *, owner: UUID, hashed: bytes) -> None:
    """A new key; its prefix is random enough never to be there."""
    await conn.execute(
        """INSERT INTO api_keys (prefix, secret_hash, owner, label, scopes, created, created_by, expires,
            budget_microdollars, budget_window) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            key.prefix, hashed, owner, key.label, list(key.scopes) if key.scopes is not None else None,
            key.created, key.created_by, key.expires, key.budget_microdollars, key.budget_window,
        ),
    )  # fmt: skip


async def keys(conn: Connection, *, prefix: str | None = None, owner: str | None = None) -> list[ApiKey]:
    """Keys, newest first: all, one, or those of an owner."""
    async with conn.cursor(row_factory=struct_row(ApiKey)) as cursor:
        await cursor.execute(
            """SELECT k.prefix, p.name AS owner, k.label, k.scopes, k.state, k.created, k.created_by, k.expires,
                k.last_used, k.budget_microdollars, k.budget_window
            FROM api_keys k JOIN principals p ON p.id = k.owner
            WHERE (%(prefix)s::text IS NULL OR k.prefix = %(prefix)s)
                AND (%(owner)s::text IS NULL OR p.name = %(owner)s)
            ORDER BY k.created DESC, k.prefix LIMIT 10000""",
            {"prefix": prefix, "owner": owner},
        )
        return await cursor.fetchall()


async def set_key_state(conn: Connection, prefix: str, state: str) -> None:
    """Active, disabled or revoked."""
    await conn.execute("UPDATE api_keys SET state = %s WHERE prefix = %s", (state, prefix))


async def set_key_budget(conn: Connection, prefix: str, microdollars: int | None, window: str | None) -> None:
    """What the key may spend in each window from now on."""
    await conn.execute(
        "UPDATE api_keys SET budget_microdollars = %s, budget_window = %s WHERE prefix = %s",
        (microdollars, window, prefix),
    )
