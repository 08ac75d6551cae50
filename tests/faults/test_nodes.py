"""Nodes on one database are killed at random under load; nothing acknowledged is lost, every call is closed once."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster
from tests.faults.conftest import Seed
from tests.faults.nodes import Node, Traffic, check
from tests.fix_process import Provider

pytestmark = pytest.mark.slow

ROUNDS = 4


class Site:
    """Two nodes, one database, callers that go to whichever lives."""

    def __init__(self, folder: Path, *, cluster: Cluster, seed: Seed, provider: Provider) -> None:
        log = folder / "tools.log"
        self.cluster = cluster
        self.database = make_conninfo(cluster.url, dbname=cluster.new_database(seed.database))
        self.nodes = [
            Node(folder / name, name=name, database=self.database, provider=provider.url, log=log)
            for name in ("one", "two")
        ]
        for node in self.nodes:
            seed.lend(node.program.folder / "data")
        self.traffic = Traffic(self.nodes, [seed.key], log=log, provider=provider)

    async def settle(self) -> None:
        """Each node started once more and stopped in order: what was left open is closed."""
        for node in self.nodes:
            await asyncio.to_thread(node.end)
            await asyncio.to_thread(node.start)
        for node in self.nodes:
            await asyncio.to_thread(node.end)


@pytest.fixture
def site(fragile: Cluster, seed: Seed, tmp_path: Path) -> Iterator[Site]:
    with Provider() as provider:
        made = Site(tmp_path, cluster=fragile, seed=seed, provider=provider)
        try:
            for node in made.nodes:
                node.start()
            yield made
        finally:
            for node in made.nodes:
                node.end()


@pytest.mark.timeout(300)
async def test_killed_nodes_lose_nothing(site: Site) -> None:
    chance = random.Random(20261121)
    async with site.traffic.running() as traffic:
        for _ in range(ROUNDS):
            await traffic.whole(1)
            victim = chance.choice(site.nodes)
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            await asyncio.to_thread(victim.kill)
            await traffic.whole(1)  # the other one goes on
            await asyncio.to_thread(victim.start)
    await site.settle()
    await check(site.traffic, site.database)


@pytest.mark.timeout(300)
async def test_nodes_killed_while_the_database_recovers_lose_nothing(site: Site) -> None:
    async with site.traffic.running() as traffic:
        await traffic.whole(1)
        await asyncio.to_thread(site.cluster.kill)
        await asyncio.to_thread(site.nodes[0].kill)
        await asyncio.to_thread(site.cluster.start)
        await asyncio.to_thread(site.nodes[0].start)
        await traffic.whole(2)
    await site.settle()
    await check(site.traffic, site.database)


@pytest.mark.timeout(300)
async def test_a_start_leaves_the_open_calls_of_a_living_node_alone(site: Site) -> None:
    async with site.traffic.running() as traffic:
        await traffic.whole(1)
        for _ in range(3):
            await asyncio.to_thread(site.nodes[0].kill)
            await asyncio.to_thread(site.nodes[0].start)
        await traffic.whole(1)
    await site.settle()
    await check(site.traffic, site.database)
