"""A DBA keeps the roles apart: Sallyport serves as the writer, and what the writer may not do PostgreSQL refuses."""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.core.paths import postgres_home
from tests.cluster import Cluster, cluster
from tests.faults.callers import CALLS, call, caller
from tests.faults.invariants import broken
from tests.fix_process import Program, Provider, until

pytestmark = pytest.mark.slow

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
HOMES = [postgres_home(), *(path.parent.parent for path in DEBIAN[-1:])]
REFUSED = (psycopg.errors.InsufficientPrivilege,)


@pytest.fixture(scope="module", params=HOMES, ids=lambda home: "embedded" if home == HOMES[0] else "debian")
def server(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if not os.access(request.param / "bin" / "postgres", os.X_OK):
        pytest.skip("this PostgreSQL is not installed")
    with cluster(request.param) as made:
        yield made


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """A site whose roles are kept apart."""

    program: Program
    database: str
    server: Cluster

    def url(self, role: str) -> str:
        return make_conninfo(self.server.url, dbname=self.database, user=f"sallyport_{role}")

    def refused(self, role: str, statement: str) -> bool:
        """Whether PostgreSQL refuses this to the role for want of rights, as a trigger does too."""
        with psycopg.connect(self.url(role), autocommit=True) as conn:
            try:
                conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
            except REFUSED:
                return True
            return False


def _profile(program: Program, server: Cluster, database: str) -> None:
    urls = {
        key: make_conninfo(server.url, dbname=database, user=f"sallyport_{role}")
        for key, role in (("url", "writer"), ("owner_url", "owner"), ("sealer_url", "sealer"))
    }
    section = ", ".join(f'{key}: "{value}"' for key, value in urls.items())
    text = program.profile.read_text(encoding="utf-8")
    text = re.sub(
        r"database: \{.*\}", f"database: {{{section}, auditor: sallyport_auditor, connect_timeout: 2}}", text
    )
    program.profile.write_text(text, encoding="utf-8")
    program.database = urls["owner_url"]


@pytest.fixture
def apart(server: Cluster, tmp_path: Path) -> Iterator[Apart]:
    database = server.new_database()
    with Provider() as provider:
        plain = make_conninfo(server.url, dbname=database)
        program = Program(tmp_path, database=plain, provider=provider.url)
        printed = program.run("database", "roles", "--print")
        assert printed.returncode == 0, printed.stderr
        with psycopg.connect(plain, autocommit=True) as conn:
            conn.execute(printed.stdout)  # pyright: ignore[reportArgumentType, reportCallIssue]
        _profile(program, server, database)
        yield Apart(program=program, database=database, server=server)


async def test_site_serves_with_its_roles_apart(apart: Apart) -> None:
    migrated = await asyncio.to_thread(apart.program.run, "migrate", "--json")
    assert migrated.returncode == 0, migrated.stderr
    assert json.loads(migrated.stdout)["applied"]
    key = await asyncio.to_thread(apart.program.key)
    with apart.program.serving() as process:
        async with caller() as session:
            assert {(await call(session, process.url, key, door)).status for door in CALLS} == {200}
        await asyncio.to_thread(until, lambda: apart.program.rows("SELECT 1 FROM audit_runs"))
        assert apart.program.rows("SELECT 1 FROM pg_stat_activity WHERE usename = 'sallyport_sealer'")
        assert not apart.program.rows(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'sallyport migrate'"
        )
    again = await asyncio.to_thread(
        apart.program.run, "audit", "query", "--format", "jsonl", "--action", "model.*"
    )
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()] == ["ok"] * 3
    assert broken(apart.url("owner")) == []
    found = await asyncio.to_thread(apart.program.run, "doctor", "--json")
    roles = [entry for entry in json.loads(found.stdout) if entry["check"] == "database role"]
    assert [(entry["state"], "does not own" in entry["found"]) for entry in roles] == [("ok", True)]


WRITER_MAY_NOT = (
    "UPDATE audit_events SET actor = 'x'",
    "DELETE FROM audit_events",
    "TRUNCATE audit_events",
    "DELETE FROM audit_contents",
    "DELETE FROM audit_boots",
    "TRUNCATE audit_boots",
    "UPDATE audit_boots SET node = 'x'",
    "INSERT INTO audit_events_default SELECT * FROM audit_events",
    "SET session_replication_role = replica",
    "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    "ALTER TABLE audit_events OWNER TO sallyport_writer",
    "DROP TRIGGER audit_events_append_only ON audit_events",
    "DROP TABLE audit_events",
    "ALTER TABLE audit_events DETACH PARTITION audit_events_default",
    "CREATE RULE quiet AS ON INSERT TO audit_events DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "CREATE TABLE mine (x int)",
    "CREATE TEMPORARY TABLE mine (x int)",
    "DELETE FROM schema_migrations",
    "SET ROLE sallyport_owner",
    "COPY audit_events TO PROGRAM 'true'",
)
SEALER_MAY_NOT = (
    "INSERT INTO audit_events SELECT * FROM audit_events",
    "DELETE FROM audit_events",
    "INSERT INTO audit_contents (digest, bytes) VALUES ('x', '')",
    "SELECT * FROM api_keys",
    "SELECT * FROM audit_subjects",
)
AUDITOR_MAY_NOT = (
    "BEGIN READ WRITE; INSERT INTO audit_events SELECT * FROM audit_events",
    "BEGIN READ WRITE; DELETE FROM audit_events",
    "SELECT * FROM api_keys",
    "SELECT * FROM sessions",
    "SELECT audit_ensure_partition(now())",
)


async def test_what_no_role_is_for_postgresql_refuses(apart: Apart) -> None:
    assert (await asyncio.to_thread(apart.program.run, "migrate")).returncode == 0
    await asyncio.to_thread(apart.program.key)
    assert [statement for statement in WRITER_MAY_NOT if not apart.refused("writer", statement)] == []
    assert [statement for statement in SEALER_MAY_NOT if not apart.refused("sealer", statement)] == []
    assert [statement for statement in AUDITOR_MAY_NOT if not apart.refused("auditor", statement)] == []
    with psycopg.connect(apart.url("auditor")) as conn:
        counted = conn.execute("SELECT count(*) FROM governance_decisions").fetchone()
        assert counted is not None
        assert counted[0] > 0
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            conn.execute("CREATE TEMPORARY TABLE notes (x int)")


async def test_writer_makes_next_months_partitions_in_the_owners_name(apart: Apart) -> None:
    assert (await asyncio.to_thread(apart.program.run, "migrate")).returncode == 0
    with psycopg.connect(apart.url("writer"), autocommit=True) as conn:
        conn.execute("SELECT audit_ensure_partition('2031-05-05')")
        owner = conn.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'audit_events_2031_05'"
        ).fetchone()
    assert owner == ("sallyport_owner",)
    assert apart.refused("writer", "TRUNCATE audit_events_2031_05")


async def test_without_the_owner_an_old_schema_is_refused_and_a_current_one_serves(apart: Apart) -> None:
    text = apart.program.profile.read_text(encoding="utf-8")
    apart.program.profile.write_text(re.sub(r'owner_url: "[^"]*", ', "", text), encoding="utf-8")
    refused = await asyncio.to_thread(apart.program.run, "migrate")
    assert refused.returncode == 2
    assert "database.owner_url" in refused.stderr
    apart.program.profile.write_text(text, encoding="utf-8")
    assert (await asyncio.to_thread(apart.program.run, "migrate")).returncode == 0
    apart.program.profile.write_text(re.sub(r'owner_url: "[^"]*", ', "", text), encoding="utf-8")
    with apart.program.serving():
        pass


async def test_roles_are_applied_to_a_site_that_ran_as_superuser(server: Cluster, tmp_path: Path) -> None:
    database = server.new_database()
    with Provider() as provider:
        program = Program(
            tmp_path, database=make_conninfo(server.url, dbname=database), provider=provider.url
        )
        key = await asyncio.to_thread(program.key)
        warned = json.loads((await asyncio.to_thread(program.run, "doctor", "--json")).stdout)
        assert [e["state"] for e in warned if e["check"] == "database role"] == ["warn"]
        for _ in range(2):
            applied = await asyncio.to_thread(program.run, "database", "roles", "--apply")
            assert applied.returncode == 0, applied.stderr
        recorded = program.rows(
            "SELECT status FROM governance_decisions WHERE action = 'admin.database.roles'"
        )
        assert [row["status"] for row in recorded] == ["ok", "ok"]
        _profile(program, server, database)
        with program.serving() as process:
            async with caller() as session:
                assert (await call(session, process.url, key, "openai")).status == 200


async def test_owner_that_is_the_writer_is_refused(server: Cluster, tmp_path: Path) -> None:
    program = Program(tmp_path, database=make_conninfo(server.url, dbname=server.new_database()))
    text = program.profile.read_text(encoding="utf-8")
    url = re.search(r'url: ("[^"]*")', text)
    assert url is not None
    program.profile.write_text(
        text.replace("database: {", f"database: {{owner_url: {url[1]}, "), encoding="utf-8"
    )
    refused = await asyncio.to_thread(program.run, "migrate")
    assert (refused.returncode, "must be another role" in refused.stderr) == (2, True)
