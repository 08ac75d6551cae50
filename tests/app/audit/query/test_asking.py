"""Filters, pages and what is new, on a real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.audit.query import Asking, Query, RecordLine
from app.audit.subjects import Persons, Reveal
from app.audit.subjects.site_key import SiteKey
from app.core.errors import InputError
from app.core.ids import uuid7
from app.db import open_pool
from tests.app.audit.query.filling import FIRST, fill
from tests.app.audit.test_recorder import CLOCK, event, recording, rows

CALLS = 2000


@asynccontextmanager
async def asking(url: str, *, seconds: float = 0.0) -> AsyncIterator[Asking]:
    async with open_pool(url, size=2, timeout=5) as pool:
        persons = Persons(pool=pool, clock=CLOCK, site_key=SiteKey(b"k" * 32))
        yield Asking(pool.connection, reveal=Reveal(persons), seconds=seconds)


async def found(
    url: str, *, most: int = 0, size: int = 300, bodies: bool = False, **wanted: Any
) -> list[RecordLine]:
    async with asking(url) as asked:
        pages = asked.pages(Query(**wanted), after=None, most=most, size=size, bodies=bodies)
        return [line async for page in pages for line in page.lines]


@pytest.fixture
def filled(database: str) -> str:
    fill(database, calls=CALLS, seconds=60)
    return database


@pytest.mark.parametrize(
    ("wanted", "true"),
    [
        ({"actor": "u7"}, lambda line: line.actor == "u7"),
        ({"actor": "u99*"}, lambda line: line.actor.startswith("u99")),
        ({"actor_id": "id-7"}, lambda line: line.actor == "u7"),
        ({"agent": "a3"}, lambda line: line.agent == "a3"),
        ({"client": "bench*"}, lambda line: True),
        ({"client": "bench_1"}, lambda line: False),
        ({"door": "cli"}, lambda line: False),
        ({"action": "tool.*", "decision": "forbid"}, lambda line: line.decision == "forbid"),
        ({"action": "tool.call", "decision": "permit"}, lambda line: line.decision == "permit"),
        ({"resource": "s3/*"}, lambda line: line.resource.startswith("s3/")),
        ({"resource": "s3/t13"}, lambda line: line.resource == "s3/t13"),
        ({"reason": "forbidden_by_rule"}, lambda line: line.status == "denied"),
        ({"rule": "r5"}, lambda line: line.rule_ids == ["r5"]),
        ({"status": ("lost",)}, lambda line: line.status == "lost"),
        ({"status": ("lost", "denied")}, lambda line: line.status in ("lost", "denied")),
        ({"status": ("open",)}, lambda line: False),
        ({"credential": "k7"}, lambda line: line.actor == "u7"),
        ({"min_microdollars": 1}, lambda line: line.microdollars > 0),
        ({"min_latency_us": 1900}, lambda line: line.latency_us >= 1900),
        ({"arguments": {"id": "T-9"}}, lambda line: line.arguments == {"id": "T-9"}),
        ({"kind": "event"}, lambda line: False),
        ({"since": FIRST + timedelta(hours=20)}, lambda line: line.time >= FIRST + timedelta(hours=20)),
        (
            {"since": FIRST + timedelta(hours=1), "until": FIRST + timedelta(hours=2)},
            lambda line: FIRST + timedelta(hours=1) <= line.time < FIRST + timedelta(hours=2),
        ),
        (
            {"actor": "u*", "agent": "a1", "decision": "permit", "since": FIRST + timedelta(hours=9)},
            lambda line: line.agent == "a1" and line.time >= FIRST + timedelta(hours=9),
        ),
    ],
)  # fmt: skip
async def test_each_filter_finds_what_it_says_newest_first(
    filled: str, wanted: dict[str, Any], true: Any
) -> None:
    everything = await found(filled, bodies=True)
    assert len(everything) == CALLS
    assert [line.id for line in everything] == sorted((line.id for line in everything), reverse=True)
    assert await found(filled, bodies=True, **wanted) == [line for line in everything if true(line)]


async def test_trace_finds_its_call(filled: str) -> None:
    one = (await found(filled, most=1))[0]
    assert await found(filled, trace=one.trace_id.upper()) == [one]


async def test_pages_are_stable_while_rows_arrive(database: str) -> None:
    async with recording(database) as recorder, asking(database) as asked:
        for _ in range(10):
            await recorder.write(event("denial"))
        first = await asked.page(Query(), limit=4)
        for _ in range(5):
            await recorder.write(event("denial"))
        second = await asked.page(Query(), after=first.next, limit=4)
        third = await asked.page(Query(), after=second.next, limit=4)
    seqs = [line.seq for page in (first, second, third) for line in page.lines]
    assert seqs == list(range(9, -1, -1))
    assert third.next is None


async def test_limit_ends_the_pages_and_says_where_to_go_on(filled: str) -> None:
    async with asking(filled) as asked:
        pages = [page async for page in asked.pages(Query(), after=None, most=700, size=300, bodies=False)]
        assert [len(page.lines) for page in pages] == [300, 300, 100]
        whole = [page async for page in asked.pages(Query(), after=None, most=0, size=900, bodies=False)]
        assert [len(page.lines) for page in whole] == [900, 900, 200]
        rest = [
            page async for page in asked.pages(Query(), after=pages[-1].next, most=0, size=1000, bodies=False)
        ]
    assert sum(len(page.lines) for page in rest) == CALLS - 700


async def test_what_ended_is_told_once_in_order_and_from_new_writers_too(database: str) -> None:
    async with recording(database) as recorder, asking(database) as asked:
        await recorder.write(event("denial"))
        await asked.watch()
        assert await asked.ended(Query()) == []
        intent = event(actor="me", action="tool.call")
        await recorder.write(intent)
        assert await asked.ended(Query()) == []
        async with recording(database, node="n2") as other:
            await other.write(event("event", status="ok", action="record.key.rotate"))
            await recorder.write(event("outcome", call=intent.id, status="ok"))
            told = await asked.ended(Query())
            assert sorted((line.kind, line.status, line.action) for line in told) == [
                ("event", "ok", "record.key.rotate"),
                ("intent", "ok", "tool.call"),
            ]
            assert await asked.ended(Query()) == []
            await other.write(event("denial", actor="you"))
        assert await asked.ended(Query(actor="me")) == []


async def test_looks_are_left_out_unless_they_were_denied(database: str) -> None:
    async with recording(database) as recorder:
        await recorder.write(event("intent", action="audit.read"))
        await recorder.write(event("denial", action="audit.read"))
        await recorder.write(event("intent", action="tool.call"))
    assert [line.kind for line in await found(database, reads=False)] == ["intent", "denial"]


async def test_question_that_takes_too_long_is_refused_with_a_remedy(filled: str) -> None:
    async with asking(filled, seconds=0.001) as asked:
        with pytest.raises(InputError, match="takes too long") as refused:
            while True:
                await asked.page(Query(client="*x*y*", arguments={"id": "none"}), limit=1)
    assert refused.value.code == "too_broad"


async def test_a_moment_far_off_is_no_error(filled: str) -> None:
    async with asking(filled) as asked:
        assert (await asked.page(Query(), after=uuid7(now_us=0))).lines == []
        assert await asyncio.gather(asked.page(Query(since=CLOCK.now().replace(year=9999)))) != []
    assert (await rows(filled, "SELECT count(*) FROM audit_events WHERE kind = 'intent'"))[0][0] == 1960
