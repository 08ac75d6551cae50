"""How PostgreSQL answers: by an index, and from the partitions that the time range can touch."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.audit.query import Query
from app.audit.query.query import first_id, parameters
from tests.app.audit.query.filling import FIRST, fill
from tests.house.test_statements import STORES, statements

pytestmark = pytest.mark.slow
DAY = timedelta(days=1)
JULY = {"since": FIRST + 125 * DAY, "until": FIRST + 130 * DAY}
FILTERS: list[dict[str, Any]] = [
    {}, {"actor": "u7"}, {"actor": "u7*"}, {"actor_id": "id-7"}, {"agent": "a3"}, {"client": "zz"}, {"door": "cli"},
    {"action": "admin.policy.apply"}, {"action": "admin.*"}, {"resource": "s3/t13"}, {"resource": "s3/*"},
    {"session": "zz"}, {"credential": "k7"}, {"decision": "permit"}, {"decision": "forbid"}, {"reason": "x"},
    {"rule": "r5"}, {"status": ("ok",)}, {"status": ("lost",)}, {"status": ("denied",)}, {"status": ("open",)},
    {"status": ("error", "denied")}, {"trace": "a" * 32}, {"min_microdollars": 1}, {"min_latency_us": 10**6},
    {"arguments": {"id": "T-1"}}, {"kind": "event"}, {"reads": False}, {"actor": "u7", "resource": "s3/*"},
]  # fmt: skip


@pytest.fixture(scope="module")
def conn(postgres: str, template: str) -> Iterator[psycopg.Connection]:
    """Eight months, 60,000 rows."""
    name = f"{template}_plans"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # pyright: ignore[reportArgumentType, reportCallIssue]
        url = psycopg.conninfo.make_conninfo(postgres, dbname=name)
        fill(url, calls=30_000, seconds=700)
        with psycopg.connect(url, autocommit=True) as made:
            yield made
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # pyright: ignore[reportArgumentType, reportCallIssue]


def _literal(name: str) -> str:
    path = next(path for path in STORES if str(path).endswith("audit/query/store.py"))
    return next(query.value for _, query in statements(path) if name in query.value)  # type: ignore[attr-defined]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def plan(conn: psycopg.Connection, query: Query, *, after: UUID | None = None) -> list[dict[str, Any]]:
    """The nodes of the page's plan, under the settings it is asked with."""
    given = parameters(query, after=after) | {
        "limit": 101, "calls": None, "actor_subjects": None, "resource_subjects": None,
    }  # fmt: skip
    with conn.transaction():
        conn.execute(_literal("enable_seqscan"), ("0",))  # pyright: ignore[reportArgumentType, reportCallIssue]
        found = conn.execute("EXPLAIN (FORMAT JSON) " + _literal("entry AS decided"), given).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert found is not None
    whole = found[0] if isinstance(found[0], list) else json.loads(found[0])
    return list(_nodes(whole[0]["Plan"]))


@pytest.mark.parametrize("bounds", [{}, JULY], ids=["ever", "july"])
@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: "+".join(wanted) or "none")
def test_every_filter_uses_indexes_and_reads_no_whole_partition(
    conn: psycopg.Connection, wanted: dict[str, Any], bounds: dict[str, Any]
) -> None:
    nodes = plan(conn, Query(**wanted, **bounds))
    scanned = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
    assert scanned == []
    assert not [node for node in nodes if "Gather" in node["Node Type"]]
    if bounds:
        touched = {node["Relation Name"] for node in nodes if node.get("Alias", "").startswith("i")}
        assert touched <= {"audit_events_2026_07", "audit_events_default"}


def test_a_page_in_the_past_leaves_out_all_that_is_newer(conn: psycopg.Connection) -> None:
    nodes = plan(conn, Query(), after=first_id(FIRST + 45 * DAY))
    touched = {
        node["Relation Name"]
        for node in nodes
        if node.get("Alias", "").startswith("i_") or node.get("Alias") == "i"
    }
    assert touched <= {"audit_events_2026_03", "audit_events_2026_04", "audit_events_default"}


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"actor": "u7"}, "actor"),
        ({"action": "admin.policy.apply"}, "action"),
        ({"resource": "s3/t13"}, "resource"),
        ({"trace": "a" * 32}, "trace"),
        ({"status": ("lost",)}, "status_call"),
    ],
)
def test_what_is_asked_often_has_its_index(
    conn: psycopg.Connection, wanted: dict[str, Any], index: str
) -> None:
    used = [node["Index Name"] for node in plan(conn, Query(**wanted)) if "Index Name" in node]
    assert [name for name in used if f"_{index}_" in name]


def test_the_page_is_ordered_by_its_index_and_not_sorted(conn: psycopg.Connection) -> None:
    for wanted in ({}, {"actor": "u7"}, {"resource": "s3/t13"}, {"decision": "forbid"}, {"kind": "event"}):
        assert [
            node["Node Type"] for node in plan(conn, Query(**wanted)) if node["Node Type"] == "Sort"
        ] == []
