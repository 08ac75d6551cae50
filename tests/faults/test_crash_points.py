"""Sallyport dies at each step of writing the record; the next start accounts for every call, and none was lost."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster
from tests.faults.conftest import Seed
from tests.faults.invariants import broken
from tests.faults.nodes import Node, Traffic, check
from tests.faults.verifying import assert_unaccused
from tests.fix_process import Program, Provider

pytestmark = pytest.mark.slow

SERVING = {
    "corridor.before_intent": 40,
    "corridor.after_reserve": 8,
    "corridor.after_intent": 40,
    "corridor.before_outcome": 40,
    "corridor.after_outcome": 40,
    "record.before_statement": 40,
    "record.before_commit": 6,
    "record.after_commit": 40,
}
"""Points of a running server, and the visit at which it dies: in the midst of the traffic."""


class Ground:
    """One node, a provider and tools that remember, and two keys, one with a budget."""

    def __init__(self, folder: Path, *, database: str, provider: Provider, seed: Seed) -> None:
        log = folder / "tools.log"
        self.database = database
        self.node = Node(folder / "one", name="one", database=database, provider=provider.url, log=log)
        seed.lend(folder / "one" / "data")
        made = self.node.program.run("key", "create", "robot", "--budget", "1000", "--json")
        assert made.returncode == 0, made.stderr
        keys = [seed.key, json.loads(made.stdout)["token"]]
        self.traffic = Traffic([self.node], keys, log=log, provider=provider)


@pytest.fixture
def ground(fragile: Cluster, seed: Seed, tmp_path: Path) -> Iterator[Ground]:
    with Provider() as provider:
        url = make_conninfo(fragile.url, dbname=fragile.new_database(seed.database))
        made = Ground(tmp_path, database=url, provider=provider, seed=seed)
        try:
            yield made
        finally:
            made.node.end()


@pytest.mark.parametrize(("point", "visit"), SERVING.items())
async def test_death_at_this_step_loses_nothing(ground: Ground, point: str, visit: int) -> None:
    await asyncio.to_thread(ground.node.start, crash_at=f"{point}:{visit}")
    async with ground.traffic.running() as traffic:
        await ground.node.died()
        await asyncio.to_thread(assert_unaccused, ground.node.program)
        await asyncio.to_thread(ground.node.start)
        await traffic.whole(2)
    await asyncio.to_thread(ground.node.end)
    await check(ground.traffic, ground.database)


async def test_deaths_in_recovery_are_made_good_by_the_next_start(ground: Ground) -> None:
    await asyncio.to_thread(ground.node.start, crash_at="corridor.before_outcome:30")
    async with ground.traffic.running():
        await ground.node.died()
    for point in ("recovery.before_lost", "recovery.after_lost", "recovery.before_close"):
        assert await asyncio.to_thread(ground.node.program.crash, point) == -signal.SIGKILL
    with ground.node.program.serving():
        pass
    await check(ground.traffic, ground.database)


@pytest.mark.parametrize("point", ["record.before_boot", "record.after_boot"])
async def test_death_at_the_start_of_a_boot_leaves_no_trace_of_trouble(ground: Ground, point: str) -> None:
    assert await asyncio.to_thread(ground.node.program.crash, point) == -signal.SIGKILL
    await asyncio.to_thread(ground.node.start)
    async with ground.traffic.running() as traffic:
        await traffic.whole(1)
    await asyncio.to_thread(ground.node.end)
    await check(ground.traffic, ground.database)


@pytest.mark.parametrize(
    ("point", "done"), [("migration.before_commit:2", 1), ("migration.after_commit:2", 2)]
)
def test_death_between_migrations_leaves_whole_ones(
    fragile: Cluster, tmp_path: Path, point: str, done: int
) -> None:
    url = make_conninfo(fragile.url, dbname=fragile.new_database())
    program = Program(tmp_path, database=url)
    assert program.crash(point, "migrate") == -signal.SIGKILL
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM schema_migrations").fetchone() == (done,)
        found = conn.execute("SELECT to_regclass('api_keys') IS NOT NULL").fetchone()
    assert found == (done == 2,)
    assert program.run("migrate").returncode == 0
    assert broken(url) == []
