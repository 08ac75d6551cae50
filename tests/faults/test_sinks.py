"""Whatever dies, and at whichever step: every row of the record arrives in every sink, and twice only as itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster
from tests.faults.conftest import Seed
from tests.faults.nodes import Node, Traffic
from tests.fix_process import Provider
from tests.fix_server import until
from tests.simulators.authority import Authority
from tests.simulators.collector import Splunk

pytestmark = pytest.mark.slow

SINKS = """
sinks:
  copy: {{kind: file, path: {folder}/record.jsonl, start: beginning, batch: {{rows: 50}}}}
  gate: {{kind: diode, path: {folder}/gate, start: beginning, batch: {{rows: 50}}}}
  splunk:
    {{kind: splunk, url: "{url}", token: t0ken, acknowledge: true, start: beginning, timeout: 5, tls: {{ca: {ca}}}}}
"""


class Site:
    """Nodes of one database that forward to the same places."""

    def __init__(self, folder: Path, *, database: str, provider: Provider, key: str, splunk: Splunk) -> None:
        self.folder = folder
        self.database = database
        self.splunk = splunk
        log = folder / "tools.log"
        self.nodes = [
            Node(folder / name, name=name, database=database, provider=provider.url, log=log)
            for name in ("one", "two")
        ]
        self.traffic = Traffic(self.nodes, [key], log=log, provider=provider)

    def recorded(self) -> set[str]:
        with psycopg.connect(self.database) as conn:
            return {str(row[0]) for row in conn.execute("SELECT id FROM audit_events").fetchall()}

    def arrived(self) -> list[set[str]]:
        """Ids in each sink; lines that are not whole are those that a crash cut."""
        file = (self.folder / "record.jsonl").read_bytes().split(b"\n")
        gate = [
            line for path in (self.folder / "gate").glob("*.rows") for line in path.read_bytes().splitlines()
        ]
        return [
            {json.loads(line)["id"] for line in lines if line.endswith(b"}") and line.startswith(b"{")}
            for lines in (file, gate)
        ] + [{row["id"] for row in self.splunk.rows()}]

    async def complete(self) -> None:
        """Wait until every sink has every row that there is; forwarding itself writes none."""
        await until(lambda: all(found >= self.recorded() for found in self.arrived()), 60)

    def duplicates_are_the_same(self) -> bool:
        seen: dict[str, dict] = {}
        return all(seen.setdefault(row["id"], row) == row for row in self.splunk.rows())


@pytest.fixture
async def site(fragile: Cluster, seed: Seed, tmp_path: Path) -> AsyncIterator[Site]:
    authority = Authority(tmp_path / "authority")
    (tmp_path / "gate").mkdir()
    with Provider() as provider:
        url = make_conninfo(fragile.url, dbname=fragile.new_database(seed.database))
        async with Splunk(authority.server(), acknowledge=True) as splunk:
            assert isinstance(splunk, Splunk)
            made = Site(tmp_path, database=url, provider=provider, key=seed.key, splunk=splunk)
            for node in made.nodes:
                seed.lend(node.program.folder / "data")
                with node.program.profile.open("a", encoding="utf-8") as profile:
                    profile.write(SINKS.format(folder=tmp_path, url=splunk.url, ca=authority.ca))
            try:
                yield made
            finally:
                for node in made.nodes:
                    await asyncio.to_thread(node.end)


@pytest.mark.parametrize(
    ("point", "visit"), [("sinks.after_send", 6), ("sinks.before_cursors", 6), ("sinks.after_cursors", 6)]
)
async def test_death_at_this_step_loses_no_row(site: Site, point: str, visit: int) -> None:
    node = site.nodes[0]
    await asyncio.to_thread(node.start, crash_at=f"{point}:{visit}")
    async with site.traffic.running() as traffic:
        await node.died()
        await asyncio.to_thread(node.start)
        await traffic.whole(2)
    await site.complete()
    assert site.duplicates_are_the_same()


async def test_another_node_takes_over_and_no_row_is_lost(site: Site) -> None:
    for node in site.nodes:
        await asyncio.to_thread(node.start)
    async with site.traffic.running() as traffic:
        await traffic.whole(2)
        for turn in (0, 1, 0):
            await asyncio.to_thread(site.nodes[turn].kill)
            await traffic.whole(2)
            await asyncio.to_thread(site.nodes[turn].start)
            await traffic.whole(1)
    await site.complete()
    assert site.duplicates_are_the_same()


async def test_a_database_that_dies_and_a_sink_that_is_away_lose_no_row(site: Site, fragile: Cluster) -> None:
    await asyncio.to_thread(site.nodes[0].start)
    async with site.traffic.running() as traffic:
        await traffic.whole(2)
        await site.splunk.stop()
        await traffic.whole(1)
        await asyncio.to_thread(fragile.kill)
        await asyncio.to_thread(fragile.start)
        await traffic.whole(1)
        await site.splunk.start()
        await traffic.whole(1)
    await site.complete()
