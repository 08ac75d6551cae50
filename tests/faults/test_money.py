"""Two nodes spend from the same budgets, callers vanish, nodes are killed: the books are those of the record."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster
from tests.faults.callers import ASK
from tests.faults.conftest import Seed
from tests.faults.invariants import broken
from tests.faults.nodes import Node
from tests.fix_process import Provider, until

pytestmark = pytest.mark.slow

CALLERS = 8
UNBALANCED = {
    "what budgets count is not what the record says that calls came to": (
        "SELECT h.budget, h.passage::text, h.settled, o.kind, o.microdollars FROM budget_holds h"
        " JOIN budgets b ON b.name = h.budget LEFT JOIN audit_events o ON o.call = h.passage"
        " AND o.kind IN ('outcome', 'lost')"
        " WHERE b.unit = 'microdollars' AND h.settled IS DISTINCT FROM coalesce(o.microdollars, 0)"
        " AND EXISTS (SELECT FROM audit_events i WHERE i.call = h.passage)"
    ),
    "a call under a budget is not counted by it": (
        "SELECT i.call::text, b.name FROM audit_events i CROSS JOIN budgets b"
        " WHERE i.kind = 'intent' AND i.action = 'model.invoke' AND b.models = '{}'"
        " AND NOT EXISTS (SELECT FROM budget_holds h WHERE h.passage = i.call AND h.budget = b.name)"
    ),
    "a window is not the sum of its calls": (
        "SELECT l.budget, l.spent, l.reserved, sum(h.settled), sum(h.amount) FILTER (WHERE h.settled IS NULL)"
        " FROM budget_ledger l LEFT JOIN budget_holds h USING (budget, holder, starts) GROUP BY 1, 2, 3"
        " HAVING l.spent <> coalesce(sum(h.settled), 0)"
        " OR l.reserved <> coalesce(sum(h.amount) FILTER (WHERE h.settled IS NULL), 0)"
    ),
}
BEYOND = (
    "SELECT b.name, sum(l.spent + l.reserved), b.hard FROM budgets b JOIN budget_ledger l ON l.budget = b.name"
    " GROUP BY b.name, b.hard, l.holder HAVING sum(l.spent + l.reserved) > b.hard"
)
OPEN = (
    "SELECT h.passage::text, h.budget FROM budget_holds h WHERE h.settled IS NULL"
    " AND EXISTS (SELECT FROM audit_events i WHERE i.call = h.passage)"
)


class Site:
    """Two nodes on one database, and callers of both."""

    def __init__(self, folder: Path, *, cluster: Cluster, seed: Seed, provider: Provider) -> None:
        self.key = seed.key
        self.database = make_conninfo(cluster.url, dbname=cluster.new_database(seed.database))
        self.nodes = [
            Node(folder / name, name=name, database=self.database, provider=provider.url, log=folder / "log")
            for name in ("one", "two")
        ]
        for node in self.nodes:
            seed.lend(node.program.folder / "data")
        self.statuses: Counter[int] = Counter()
        self.beyond: list[Any] = []
        self._ending = False

    def budget(self, name: str, *words: str) -> None:
        made = self.nodes[0].program.run("budget", "set", name, *words)
        assert made.returncode == 0, made.stderr

    def rows(self, question: str) -> list[Any]:
        with psycopg.connect(self.database) as conn:
            return conn.execute(question).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]

    @asynccontextmanager
    async def spending(self) -> AsyncIterator[None]:
        """Callers at whichever node lives, and somebody who looks at every limit all the time."""
        self._ending = False
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(self._call(session, random.Random(number)))
            group.create_task(self._watch())
            try:
                yield
            finally:
                self._ending = True

    async def answered(self, status: int, number: int) -> None:
        """Wait for so many more answers with this status; 0 stands for callers that went away."""
        wanted = self.statuses[status] + number
        async with asyncio.timeout(120):
            while self.statuses[status] < wanted:
                await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        async with await psycopg.AsyncConnection.connect(self.database, autocommit=True) as conn:
            while not self._ending:
                self.beyond += await (await conn.execute(BEYOND)).fetchall()
                await asyncio.sleep(0.02)

    async def _call(self, session: aiohttp.ClientSession, chance: random.Random) -> None:
        while not self._ending:
            urls = [node.url for node in self.nodes if node.url]
            if not urls:
                await asyncio.sleep(0.05)
                continue
            model, stream = chance.choice(["gpt", "slow"]), chance.random() < 0.7
            body = {"model": model, "messages": ASK, "max_tokens": 40, "stream": stream}
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.post(
                    f"{chance.choice(urls)}/v1/chat/completions",
                    json=body,
                    headers={"Authorization": f"Bearer {self.key}"},
                ) as response:
                    if response.status == 200 and stream and chance.random() < 0.5:
                        await response.content.readany()
                        response.close()
                        self.statuses[0] += 1
                    else:
                        await response.read()
                        self.statuses[response.status] += 1
            await asyncio.sleep(0.02)

    def restart(self) -> None:
        """Each node once more, and its end in order: what was left open is closed and settled.

        A reservation whose node died before the intent is released after minutes, for which nobody waits here.
        """
        for node in self.nodes:
            node.end()
            node.start()
        until(lambda: not self.rows(OPEN), seconds=150)
        for node in self.nodes:
            node.end()


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
async def test_the_books_balance_whoever_dies_and_no_limit_is_passed_at_any_time(site: Site) -> None:
    await asyncio.to_thread(site.budget, "all", "--everyone", "--hard", "10000000", "--window", "total")
    await asyncio.to_thread(
        site.budget, "robot", "--service", "robot", "--hard", "10000000", "--rolling", "--window", "day"
    )
    await asyncio.to_thread(
        site.budget, "requests", "--everyone", "--unit", "requests", "--hard", "100000", "--window", "total"
    )
    await asyncio.to_thread(
        site.budget, "slow", "--everyone", "--model", "slow", "--hard", "1500", "--window", "total"
    )
    async with site.spending():
        await site.answered(200, 10)
        await asyncio.to_thread(site.nodes[0].kill)
        await site.answered(200, 5)
        await asyncio.to_thread(site.nodes[0].start)
        await site.answered(0, 3)
        await site.answered(429, 5)
        await asyncio.to_thread(site.nodes[1].kill)
        await asyncio.to_thread(site.nodes[1].start)
        await site.answered(429, 5)
    assert site.beyond == []
    await asyncio.to_thread(site.restart)
    assert {law: rows[:3] for law, question in UNBALANCED.items() if (rows := site.rows(question))} == {}
    assert broken(site.database) == []
    assert site.rows(OPEN) == []
