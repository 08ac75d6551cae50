"""Every table of the record is named with who may do what, and refuses to be changed by triggers."""

import psycopg
import pytest

from app.db.roles import RECORD, Table, rights_on

FREE = {
    "audit_sinks": "where the record is forwarded to: settings and progress, no record",
    "audit_sink_cursors": "how far each sink has got",
}
"""Tables beside the record that may change, and why."""


@pytest.fixture
def names(database: str) -> list[str]:
    with psycopg.connect(database) as conn:
        found = conn.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace AND relname LIKE 'audit\\_%' ORDER BY 1"
        ).fetchall()
    return [row[0] for row in found]


def test_every_table_of_the_record_is_named_with_its_rights(names: list[str]) -> None:
    assert names
    assert [name for name in names if name not in RECORD] == []


def test_nobody_but_the_owner_may_remove_or_empty_a_table_of_the_record() -> None:
    for name, rights in RECORD.items():
        given = {right for each in rights.values() for right in each.split(", ")}
        assert given <= {"SELECT", "INSERT", "UPDATE"} or name in FREE, name
    for name in ("audit_events", "audit_contents"):
        assert {right for each in RECORD[name].values() for right in each.split(", ")} == {"SELECT", "INSERT"}
    assert rights_on(Table(name="audit_events_2026_01", kind="r", partition=True)) == {}
    assert rights_on(Table(name="audit_new", kind="r", partition=False)) == {
        "writer": "SELECT",
        "auditor": "SELECT",
    }


@pytest.mark.parametrize("verb", ["update", "delete", "truncate"])
def test_triggers_refuse_to_change_every_table_of_the_record(
    names: list[str], database: str, verb: str
) -> None:
    bit = {"update": 16, "delete": 8, "truncate": 32}[verb]
    with psycopg.connect(database) as conn:
        guarded = {
            row[0]
            for row in conn.execute(
                "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE t.tgtype::int & %s <> 0 AND t.tgtype::int & 2 <> 0 AND t.tgenabled = 'O'",
                (bit,),
            )
        }
        partitions = {
            row[0]
            for row in conn.execute(
                "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = 'audit_events'::regclass"
            )
        }
    wanted = {name for name in names if name not in FREE} | partitions
    assert sorted(wanted - guarded) == []
