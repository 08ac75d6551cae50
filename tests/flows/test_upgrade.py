"""Every released schema is brought up to date by this file, keeps its rows and is read; a newer one is refused."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.callers import CALLS, call, caller
from tests.faults.verifying import unsealed
from tests.fix_process import Program, Provider, until

pytestmark = pytest.mark.slow
RELEASED = sorted((Path(__file__).parent.parent / "frozen" / "schemas").glob("*.sql"))
_HISTORY = frozenset({"audit_boots", "audit_events", "sessions", "identity_version", "setup_tokens"})
"""Tables that a start or a call changes."""


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def restored(
    request: pytest.FixtureRequest, empty_database: str, tmp_path: Path
) -> Iterator[tuple[Program, str]]:
    """A site as a released version left it, and an API key of then."""
    text = request.param.read_text(encoding="utf-8")
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute(text)
    with Provider() as provider:
        database = empty_database.replace('"', "")
        yield Program(tmp_path, database=database, provider=provider.url), text.split("-- key ")[1].split()[0]


def _tables(program: Program) -> dict[str, list[str]]:
    """Each table's rows as text."""
    names = program.rows(
        "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public' AND NOT c.relispartition"
    )
    return {
        row["name"]: [
            line["t"] for line in program.rows(f"SELECT t::text AS t FROM {row['name']} t ORDER BY 1")
        ]
        for row in names
    }


async def test_released_schema_is_upgraded_and_loses_nothing(restored: tuple[Program, str]):
    program, key = restored
    before = _tables(program)
    traces = {row["trace_id"] for row in program.rows("SELECT trace_id FROM governance_decisions")}
    assert len(before["audit_events"]) > 20
    migrated = await asyncio.to_thread(program.run, "migrate", "--json")
    assert migrated.returncode == 0, migrated.stderr
    with program.serving() as process:
        async with caller() as session:
            assert {(await call(session, process.url, key, door)).status for door in CALLS} == {200}
        await asyncio.to_thread(until, lambda: not unsealed(program), 60)
    after = _tables(program)
    for table, rows in before.items():
        if table in _HISTORY or after[table] == rows:
            continue
        # A migration may add columns, and a start may use a key: what was there is still there.
        assert len(after[table]) >= len(rows), table
    old = program.rows("SELECT count(*) AS n FROM audit_events WHERE trace_id = ANY (%s)", list(traces))
    assert old[0]["n"] >= len(traces)
    assert len(after["audit_events"]) >= len(before["audit_events"]) + 2 * len(CALLS)
    listed = json.loads(program.run("audit", "list", "--limit", "500", "--json").stdout)
    assert traces <= {line["trace_id"] for line in listed}
    verified = program.run("audit", "verify")
    assert verified.returncode == 0, verified.stdout
    users = {user["name"]: user["state"] for user in json.loads(program.run("user", "list", "--json").stdout)}
    assert users == {"dora": "active", "eve": "disabled"}


async def test_upgrade_twice_changes_nothing(restored: tuple[Program, str]):
    program, _ = restored
    assert program.run("migrate", "--json").returncode == 0
    again = program.run("migrate", "--json")
    assert json.loads(again.stdout) == {"applied": []}


def test_newer_database_is_refused_with_exit_code_2(restored: tuple[Program, str]):
    program, _ = restored
    with psycopg.connect(program.database) as conn:
        conn.execute("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, 'future', 'x')")
    before = _tables(program)
    for command in (["serve"], ["migrate"], ["user", "list"]):
        done = program.run(*command)
        assert done.returncode == 2, done
        assert "The database has schema 9999" in done.stderr
        assert "Start a newer file; nothing was changed." in done.stderr
        assert "Traceback" not in done.stderr
    assert _tables(program) == before


def test_this_version_has_a_schema():
    from app import __version__

    assert __version__ in [path.stem for path in RELEASED]
