"""One leader at a time, whose lead ends with its connection."""

import psycopg
from psycopg.conninfo import make_conninfo

from app.core.errors import DatabaseError
from app.db import Connection, connect
from app.jobs import Leader


def leader(url: str, name: str = "work") -> Leader:
    return Leader(connect=lambda: connect(url, purpose="lead"), name=name)


async def test_only_one_of_two_leads_until_it_resigns(database: str) -> None:
    first, second = leader(database), leader(database)
    assert await first.connection() is not None
    assert await second.connection() is None
    assert await first.connection() is not None
    await first.resign()
    assert await second.connection() is not None
    assert await first.connection() is None
    await first.resign()
    await second.resign()


async def test_other_work_has_its_own_leader(database: str) -> None:
    first, other = leader(database), leader(database, "other work")
    assert await first.connection() is not None
    assert await other.connection() is not None
    await first.resign()
    await other.resign()


async def test_a_lost_connection_is_a_lost_lead(database: str) -> None:
    first, second = leader(database), leader(database)
    assert await first.connection() is not None
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sallyport lead'"
            " AND datname = current_database()"
        )
    while await second.connection() is None:
        pass  # the server ends the other backend in its own time
    assert await first.connection() is None
    assert first.leading is False
    await first.resign()
    await second.resign()


async def test_a_database_that_is_away_has_no_leader_and_is_asked_again(database: str) -> None:
    urls = [make_conninfo(database, host="/nowhere"), database]

    async def dial() -> Connection:
        return await connect(urls.pop(0), purpose="lead")

    one = Leader(connect=dial, name="work")
    assert await one.connection() is None
    assert await one.connection() is not None
    await one.resign()


async def test_a_refused_connection_is_no_exception(database: str) -> None:
    async def dial() -> Connection:
        raise DatabaseError("The database is a standby.")

    assert await Leader(connect=dial, name="work").connection() is None
