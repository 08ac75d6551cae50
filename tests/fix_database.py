"""Real PostgreSQL: one server a session, one migrated database a test, cloned from a template.

`SALLYPORT_TEST_DATABASE` names another server (a superuser's connection string); scripts/test sets it for
the second run against Debian's PostgreSQL.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.core.paths import postgres_home, resources
from app.db import connect
from app.db.embedded import Embedded
from app.db.migrate import migrate, read_migrations

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The connection string of a server where databases may be made."""
    given = os.environ.get("SALLYPORT_TEST_DATABASE")
    if given:
        yield given
        return
    # In memory where the machine has it: durability is on, as in life, but costs no disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="sallyport-test-", dir=memory))
    folder.chmod(0o711)
    server = Embedded(folder=folder / "postgres", home=postgres_home(), password_file=folder / "password")
    asyncio.run(server.start())
    try:
        yield server.url
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a migrated database nobody connects to."""
    name = f"template_{os.getpid()}"
    _execute(postgres, f"CREATE DATABASE {name}")
    asyncio.run(_migrate(make_conninfo(postgres, dbname=name)))
    yield name
    _execute(postgres, f"DROP DATABASE {name}")


@pytest.fixture
def empty_database(postgres: str) -> Iterator[str]:
    """The connection string of a database without a schema."""
    yield from _database(postgres, "")


@pytest.fixture
def database(postgres: str, template: str) -> Iterator[str]:
    """The connection string of a fresh, migrated database."""
    yield from _database(postgres, f" TEMPLATE {template}")


def _database(postgres: str, suffix: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    _execute(postgres, f"CREATE DATABASE {name}{suffix}")
    yield make_conninfo(postgres, dbname=name)
    _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


async def _migrate(url: str) -> None:
    async with await connect(url, purpose="test") as conn:
        await migrate(conn, read_migrations(resources() / "migrations"))
