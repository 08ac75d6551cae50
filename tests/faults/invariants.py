"""What must hold of a record whatever happened to those who wrote it, asked of the database alone."""

from collections.abc import Iterable
from typing import Any

import psycopg

_BROKEN = {
    "a number of a boot is missing or twice": (
        "SELECT boot::text, min(seq), max(seq), count(*) FROM audit_events GROUP BY boot"
        " HAVING min(seq) <> 0 OR max(seq) + 1 <> count(*) OR count(*) <> count(DISTINCT seq)"
    ),
    "an intent is not closed exactly once": (
        "SELECT i.call::text, array_agg(o.kind) FROM audit_events i"
        " LEFT JOIN audit_events o ON o.call = i.call AND o.kind IN ('outcome', 'lost')"
        " WHERE i.kind = 'intent' GROUP BY i.call HAVING count(o.id) <> 1"
    ),
    "an outcome has no intent": (
        "SELECT o.call::text, o.kind FROM audit_events o WHERE o.kind IN ('outcome', 'lost')"
        " AND NOT EXISTS (SELECT FROM audit_events i WHERE i.id = o.call AND i.kind = 'intent')"
    ),
    "a decided call has two rows that decide it": (
        "SELECT call::text, count(*) FROM audit_events WHERE kind IN ('intent', 'denial')"
        " GROUP BY call HAVING count(*) <> 1 OR bool_or(id <> call)"
    ),
    "a row's bytes are not what its columns say": (
        "SELECT id::text FROM audit_events WHERE (convert_from(entry, 'UTF8')::jsonb ->> 'seq')::bigint <> seq"
        " OR (convert_from(entry, 'UTF8')::jsonb ->> 'id')::uuid <> id"
        " OR (convert_from(entry, 'UTF8')::jsonb ->> 'boot')::uuid <> boot"
    ),
    "a reservation of a closed call is still held": (
        "SELECT r.passage::text FROM budget_holds r JOIN audit_events o ON o.call = r.passage"
        " WHERE o.kind IN ('outcome', 'lost') AND r.settled IS NULL"
    ),
}


def broken(database: str) -> list[tuple[str, tuple[Any, ...]]]:
    """Each law that does not hold, with a row that breaks it."""
    with psycopg.connect(database) as conn:
        return [
            (law, row)
            for law, question in _BROKEN.items()
            for row in conn.execute(question).fetchmany(3)  # pyright: ignore[reportArgumentType, reportCallIssue]
        ]


def intents(database: str) -> set[str]:
    """Traces that have an intent."""
    with psycopg.connect(database) as conn:
        found = conn.execute("SELECT DISTINCT trace_id FROM audit_events WHERE kind = 'intent'").fetchall()
    return {row[0] for row in found}


def statuses(database: str, traces: Iterable[str]) -> dict[str, list[str]]:
    """Status of every call of these traces."""
    with psycopg.connect(database) as conn:
        found = conn.execute(
            "SELECT trace_id, array_agg(status) FROM governance_decisions WHERE trace_id = ANY (%s) GROUP BY 1",
            (list(traces),),
        ).fetchall()
    return dict(found)
