"""Whoever can write to the database cannot move, replay, add or take back anything without being noticed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.core.errors import ConflictError, MasterKeyError, SecretError
from app.secrets import Secrets
from tests.app.secrets.world import NEXT, VALUE, given, node, passage

TABLES = ("secrets", "secret_versions", "secret_grants", "secret_keys", "secret_catalogue")


@pytest.fixture
async def secrets(database: str, tmp_path: Path) -> AsyncIterator[Secrets]:
    """Two secrets, one of them rotated."""
    async with node(database, tmp_path) as made:
        for name, recipient in (("token", "server:files"), ("other", "server:wiki")):
            await made.set(passage("set", name), name, VALUE + name.encode())
            await made.grant(passage("grant", name), name, recipient)
        await made.rotate(passage("rotate"), "token", NEXT)
        yield made


def attack(database: str, *statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        for statement in statements:
            assert conn.execute(statement).rowcount != 0, statement  # pyright: ignore[reportArgumentType, reportCallIssue]


def dump(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as conn:
        return {
            table: [row[0] for row in conn.execute(f"SELECT row_to_json(t)::text FROM {table} t")]  # pyright: ignore[reportArgumentType, reportCallIssue]
            for table in TABLES
        }


def restore(database: str, old: dict[str, list[Any]], tables: tuple[str, ...] = TABLES) -> None:
    with psycopg.connect(database) as conn:
        for table in ("secret_grants", "secret_versions", "secrets", "secret_keys", "secret_catalogue"):
            if table in tables:
                conn.execute(f"DELETE FROM {table}")  # pyright: ignore[reportArgumentType, reportCallIssue]
        for table in TABLES:
            for row in old[table] if table in tables else []:
                conn.execute(
                    f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, %s::json)",  # pyright: ignore[reportArgumentType, reportCallIssue]
                    (row,),
                )


async def problems(database: str, folder: Path) -> list[str]:
    async with node(database, folder) as fresh:
        found = await fresh.check()
        if found.problems:
            with pytest.raises(MasterKeyError):
                await fresh.catalogue.open()
        return list(found.problems)


async def test_untouched_catalogue_is_in_order(secrets: Secrets, database: str, tmp_path: Path):
    assert await problems(database, tmp_path) == []


SWAP = (
    "UPDATE secret_versions v SET {columns} FROM secret_versions o"
    " WHERE v.value <> '' AND (v.name, v.version) = ('token', 2) AND (o.name, o.version) = {other}"
)
OF_CURRENT = "UPDATE secret_versions SET {} WHERE name = 'token' AND version = 2"
FORM = "value = '\\x53504230'::bytea || substring(value FROM 5)"
OF_ONE_ROW = {
    "a bit of the value": OF_CURRENT.format("value = set_byte(value, 45, get_byte(value, 45) # 4)"),
    "a bit of the key": OF_CURRENT.format("wrapped = set_byte(wrapped, 45, get_byte(wrapped, 45) # 4)"),
    "boxes of another secret": SWAP.format(columns="value = o.value, wrapped = o.wrapped", other="('other', 1)"),
    "boxes of the version before": SWAP.format(columns="value = o.value, wrapped = o.wrapped", other="('token', 1)"),
    "the value's box of another secret": SWAP.format(columns="value = o.value", other="('other', 1)"),
    "the version before is current": "UPDATE secrets SET version = 1 WHERE name = 'token'",
    "a version that is not there": "UPDATE secrets SET version = 7 WHERE name = 'token'",
    "another purpose": "UPDATE secrets SET purpose = 'payments' WHERE name = 'token'",
    "a grant more": "INSERT INTO secret_grants VALUES ('token', 'server:evil', now(), 'ada')",
    "a grant less": "DELETE FROM secret_grants WHERE name = 'token'",
    "a grant to somebody else": "UPDATE secret_grants SET recipient = 'server:evil' WHERE name = 'token'",
    "the form of the box": OF_CURRENT.format(FORM),
    "the boxes are gone": OF_CURRENT.format("value = '', wrapped = ''"),
}  # fmt: skip


@pytest.mark.parametrize("what", OF_ONE_ROW)
async def test_changed_row_is_named_and_alone_unusable(
    secrets: Secrets, database: str, tmp_path: Path, what: str
):
    attack(database, OF_ONE_ROW[what], "UPDATE secret_catalogue SET revision = revision")
    found = await problems(database, tmp_path)
    assert len(found) == 1
    assert found[0].startswith("token: ")
    await secrets.catalogue.refresh()
    for recipient in ("server:files", "server:evil"):
        with pytest.raises(SecretError, match="cannot be used"):
            given(secrets, recipient=recipient)
    assert given(secrets, "other", "server:wiki") == VALUE + b"other"
    for change in (
        secrets.rotate(passage("rotate"), "token", VALUE),
        secrets.grant(passage("grant"), "token", "server:files"),
        secrets.rekey(passage("rekey", "*")),
    ):
        with pytest.raises(ConflictError):
            await change
    await secrets.delete(passage("delete"), "token")
    assert await problems(database, tmp_path) == []


OF_THE_WHOLE = {
    "a secret is gone": tuple(
        f"DELETE FROM {table} WHERE name = 'other'" for table in ("secret_grants", "secret_versions", "secrets")
    ),
    "the revision": ("UPDATE secret_catalogue SET revision = revision + 1",),
    "the tag of a row": ("UPDATE secrets SET tag = set_byte(tag, 0, get_byte(tag, 0) # 1) WHERE name = 'other'",),
    "the tag of the whole": ("UPDATE secret_catalogue SET tag = set_byte(tag, 0, get_byte(tag, 0) # 1)",),
    "a key more": (
        "INSERT INTO secret_keys (id, state, source, created, created_by)"
        " VALUES (repeat('ab', 16), 'previous', 'file', now(), 'eve')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OF_THE_WHOLE)
async def test_catalogue_that_somebody_else_changed_is_not_believed(
    secrets: Secrets, database: str, tmp_path: Path, what: str
):
    attack(database, *OF_THE_WHOLE[what])
    assert "put back" in (await problems(database, tmp_path))[0]
    with pytest.raises(ConflictError, match="not as Sallyport left it"):
        await secrets.set(passage("set", "new"), "new", VALUE)


async def test_rows_of_yesterday_put_back_are_noticed(secrets: Secrets, database: str, tmp_path: Path):
    old = dump(database)
    await secrets.rotate(passage("rotate"), "token", b"the-value-of-today")
    await secrets.revoke(passage("revoke"), "token", "server:files")
    restore(database, old, ("secrets", "secret_versions", "secret_grants"))
    assert "put back" in (await problems(database, tmp_path))[0]
    found = await secrets.accept(passage("accept", "*"))
    assert found.problems == ()
    assert given(secrets) == NEXT


async def test_running_node_does_not_go_back_in_time(secrets: Secrets, database: str, tmp_path: Path):
    old = dump(database)
    await secrets.revoke(passage("revoke"), "token", "server:files")
    restore(database, old)
    with pytest.raises(SecretError, match="back in time"):
        await secrets.catalogue.refresh()
    with pytest.raises(SecretError, match="not granted"):
        given(secrets)


async def test_rows_without_any_key_are_not_believed(secrets: Secrets, database: str, tmp_path: Path):
    attack(database, "DELETE FROM secret_keys")
    assert "put back" in (await problems(database, tmp_path))[0]
