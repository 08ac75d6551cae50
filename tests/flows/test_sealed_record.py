"""The record of a real server is sealed while it serves; keys change hands and a restore is declared by command."""

import json
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.audit.tlog.checkpoint import parse_checkpoint
from app.audit.tlog.merkle import Frontier, leaf_hash
from app.audit.tlog.note import parse_key, parse_note
from app.audit.tlog.signing import verified
from tests.fix_process import Program, until

pytestmark = pytest.mark.slow


def settled(program: Program) -> int:
    """Wait until every row is a leaf, and return how many there are."""

    def sealed() -> int:
        rows = program.rows("SELECT (SELECT count(*) FROM audit_events) AS rows, size FROM audit_heads")
        return rows[-1]["size"] if rows and rows[-1]["rows"] == rows[-1]["size"] else 0

    return until(sealed)


def test_what_the_server_records_is_sealed_and_signed(database: str, tmp_path: Path) -> None:
    program = Program(tmp_path, database=database)
    with program.serving():
        key = program.key()
        assert key
        size = settled(program)
        keys = [parse_key(line["key"]) for line in json.loads(program.run("audit", "keys", "--json").stdout)]
        note = parse_note(json.loads(program.run("audit", "checkpoint", "--json").stdout)["note"])
        assert verified(note, keys) == keys
        assert parse_checkpoint(note.text).size >= size
        paper = program.run("audit", "checkpoint", "--print").stdout
        status = program.run("audit", "status")
        assert status.returncode == 0, status.stdout
    assert "CHECKPOINT OF THE RECORD" in paper
    frontier = Frontier()
    size, root = next(iter(program.rows("SELECT size, root FROM audit_heads"))).values()
    for row in program.rows(
        "SELECT e.entry FROM audit_leaves l JOIN audit_events e ON e.id = l.event ORDER BY l.leaf"
    ):
        frontier.append(leaf_hash(bytes(row["entry"])))
    assert (frontier.size, frontier.root()) == (size, bytes(root))
    reads = program.rows("SELECT resource FROM audit_events WHERE action = 'audit.read' AND kind = 'intent'")
    assert {row["resource"] for row in reads} >= {"keys", "checkpoint", "seal"}


def test_a_key_is_rotated_while_the_server_runs(database: str, tmp_path: Path) -> None:
    program = Program(tmp_path, database=database)
    with program.serving():
        settled(program)
        done = program.run("audit", "rotate-key", "--json")
        assert done.returncode == 0, done.stderr
        new = [parse_key(text) for text in json.loads(done.stdout)["new"]]

        def signed() -> bool:
            note = parse_note(program.rows("SELECT note FROM audit_heads")[0]["note"])
            return all(note.signed_by(key) for key in new)

        until(signed)
        settled(program)
    changes = program.rows(
        "SELECT action FROM audit_events WHERE kind = 'event' AND starts_with(action, 'record.')"
    )
    assert [row["action"] for row in changes] == ["record.key.rotate"]


def test_a_restored_database_is_not_served_until_it_is_declared(
    database: str, postgres: str, tmp_path: Path
) -> None:
    name = str(conninfo_to_dict(database)["dbname"])
    program = Program(tmp_path, database=database)
    with program.serving():
        settled(program)
    _run(postgres, f"CREATE DATABASE {name}_kept TEMPLATE {name}")
    try:
        with program.serving():
            program.key()
            lost = settled(program)
        _run(postgres, f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {name}_kept")
        refused = program.run("serve")
        assert refused.returncode == 2
        assert "sallyport audit restored --reason" in refused.stderr
        assert "The database is older than the record that was signed" in refused.stderr
        status = program.run("audit", "status")
        assert (status.returncode, "TROUBLE" in status.stdout) == (1, True)
        done = program.run("audit", "restored", "--reason", "a disk was lost")
        assert done.returncode == 0, done.stderr
        with program.serving() as process:
            assert process.url
            until(lambda: program.run("audit", "status").returncode == 0)
    finally:
        _run(postgres, f"DROP DATABASE {name}_kept")
    first = program.rows(
        "SELECT e.action, e.body FROM audit_leaves l JOIN audit_events e ON e.id = l.event"
        " WHERE l.epoch = 2 AND l.leaf = 0"
    )
    assert [row["action"] for row in first] == ["record.restore"]
    assert first[0]["body"]["reason"] == "a disk was lost"
    assert first[0]["body"]["previous"]["size"] >= lost
    again = program.run("audit", "restored", "--reason", "once more")
    assert again.returncode == 1
    assert "nothing to declare" in again.stderr


def _run(postgres: str, *statements: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_an_alarm_is_shown_by_every_window_and_calls_go_on(database: str, tmp_path: Path) -> None:
    program = Program(tmp_path, database=database)
    with program.serving() as process:
        settled(program)
        key = tmp_path / "data" / "keys" / "record" / "signing"
        key.rename(tmp_path / "elsewhere")

        def notes() -> dict[str, str]:
            with urlopen(f"{process.url}/readyz", timeout=10) as answer:
                assert answer.status == 200
                return json.loads(answer.read()).get("notes", {})

        assert "keys/record/signing" in until(notes)["record key"]
        with urlopen(f"{process.url}/metrics", timeout=10) as answer:
            assert b'sallyport_record_alarm{alarm="key"} 1.0' in answer.read()
        assert program.run("user", "list").returncode == 0
        assert program.run("audit", "status").returncode == 1
        assert "record.alarm.key" in {
            row["action"] for row in program.rows("SELECT action FROM audit_events")
        }
        assert program.run("doctor").returncode == 1
        (tmp_path / "elsewhere").rename(key)
        until(lambda: not notes())
        settled(program)
