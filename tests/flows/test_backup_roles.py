"""A site whose database roles are kept apart is backed up by the writer, restored by the owner, and goes on apart."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cluster import Cluster, cluster
from tests.faults.callers import CALLS, call, caller
from tests.faults.invariants import broken
from tests.fix_process import Program
from tests.flows.test_backup import new_key, run
from tests.flows.test_database_roles import AUDITOR_MAY_NOT, SEALER_MAY_NOT, WRITER_MAY_NOT, Apart, apart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
__all__ = ["apart"]


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


async def _served(program: Program, key: str) -> None:
    with program.serving() as process:
        async with caller() as session:
            assert {(await call(session, process.url, key, door)).status for door in CALLS} == {200}


async def test_site_with_its_roles_apart_is_restored_and_every_role_may_what_it_may(
    apart: Apart, tmp_path: Path
) -> None:
    program, file = apart.program, str(tmp_path / "site.age")
    recipient = new_key(tmp_path / "identity")
    assert program.run("migrate").returncode == 0
    key = await asyncio.to_thread(program.key)
    await _served(program, key)
    written = run(program, "backup", "--output", file, "--recipient", recipient)
    assert written["rows"] > 10
    late = await asyncio.to_thread(program.key, name="late")
    name = run(program, "audit", "status")["origin"].removesuffix("/audit") + "/audit"
    words = ("--identity", str(tmp_path / "identity"), "--reason", "a drill", "--replace", name)
    restored = run(program, "restore", file, *words)
    assert restored["origin"].endswith("/audit/2")

    await _served(program, key)
    assert program.run("audit", "verify").returncode == 0
    assert broken(apart.url("owner")) == []
    assert late
    assert [one["name"] for one in run(program, "service", "list")] == ["robot"]
    owners = program.rows(
        "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
    )
    assert owners == [{"owner": "sallyport_owner"}]
    for role, statements in (
        ("writer", WRITER_MAY_NOT),
        ("sealer", SEALER_MAY_NOT),
        ("auditor", AUDITOR_MAY_NOT),
    ):
        assert [statement for statement in statements if not apart.refused(role, statement)] == []
    with psycopg.connect(apart.url("auditor")) as conn:
        counted = conn.execute("SELECT count(*) FROM governance_decisions").fetchone()
    assert counted is not None
    assert counted[0] > 0
