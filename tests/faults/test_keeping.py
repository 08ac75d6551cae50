"""An erasure or a retention run dies at any step: it is finished later, and the verifier accuses nobody meanwhile."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.canonical import digest
from app.core.ids import uuid7
from tests.app.audit.test_recorder import event, recording
from tests.cluster import Cluster
from tests.faults.invariants import broken
from tests.faults.test_sealing import program_on
from tests.faults.verifying import assert_intact, assert_unaccused, unsealed
from tests.fix_process import Program, until

pytestmark = pytest.mark.slow

NAME = "zebulon"
ERASE = ("audit", "erase", NAME, "--reason", "request 2026-17", "--confirm", NAME, "--also-disable")
RETENTION = "retention: {ai: 30, tools: 30}"
OLD = 8
"""Rows that are over."""


def person_of(program: Program) -> dict[str, Any]:
    (row,) = program.rows(
        "SELECT key IS NULL AND name IS NULL AS destroyed, told FROM audit_subjects ORDER BY created LIMIT 1"
    )
    return row


def stated(program: Program, action: str) -> tuple[list[str], list[str]]:
    """Ids of the rows that say so, and of the lines outside that do."""
    rows = program.rows("SELECT id::text FROM audit_events WHERE action = %s ORDER BY id", action)
    file = program.folder / "data" / "record" / "statements"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [row["id"] for row in rows], [line["id"] for line in lines if line["action"] == action]


def peopled(fragile: Cluster, folder: Path) -> Program:
    program = program_on(fragile, folder)
    made = program.run("user", "create", NAME, "--role", "developer")
    assert made.returncode == 0, made.stderr
    with program.serving():
        until(lambda: not unsealed(program))
    return program


def assert_erased(program: Program) -> None:
    """For ever, said once in the record and once outside, with an intact record."""
    assert person_of(program) == {"destroyed": True, "told": True}
    rows, lines = stated(program, "record.subject.erase")
    assert len(rows) == 1
    assert rows == lines
    assert broken(program.database) == []


@pytest.mark.parametrize("point", ["erase.after_forget", "erase.before_commit"])
def test_erasure_that_dies_before_its_commit_can_be_done_again(
    fragile: Cluster, tmp_path: Path, point: str
) -> None:
    program = peopled(fragile, tmp_path)
    assert program.crash(point, *ERASE) == -signal.SIGKILL
    assert_unaccused(program)
    assert person_of(program)["destroyed"] is False
    assert stated(program, "record.subject.erase") == ([], [])
    assert_intact(program)
    again = program.run(*ERASE)
    assert again.returncode == 0, again.stderr
    assert_intact(program)
    assert_erased(program)


@pytest.mark.parametrize("point", ["erase.after_commit", "erase.after_event", "erase.after_statement"])
def test_erasure_that_dies_after_its_commit_is_stated_by_the_next_start(
    fragile: Cluster, tmp_path: Path, point: str
) -> None:
    program = peopled(fragile, tmp_path)
    assert program.crash(point, *ERASE) == -signal.SIGKILL
    assert_unaccused(program)
    assert person_of(program)["destroyed"] is True
    assert_intact(program)
    assert_erased(program)


async def _write_history(database: str) -> None:
    """Calls of a month that is long over, one with a content beside its entry."""
    at = datetime.now(UTC) - timedelta(days=200)
    async with recording(database, node="site") as recorder:
        for number in range(OLD // 2):
            big = b"content %d" % number
            call = ""
            for kind in ("intent", "outcome"):
                row = event(kind, action="tool.call", status="ok" if kind == "outcome" else "")
                row.id = str(uuid7(now_us=int(at.timestamp() * 1_000_000)))
                row.time = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                row.call = call = call or row.id
                row.body = {"contents": [digest(big)]}
                await recorder.write(row, [(digest(big), big)])


def aged(fragile: Cluster, folder: Path) -> Program:
    """A site with rows that are over, all sealed."""
    program = program_on(fragile, folder)
    text = program.profile.read_text(encoding="utf-8")
    program.profile.write_text(text.replace("record: {", f"record: {{{RETENTION}, "), encoding="utf-8")
    assert program.run("migrate").returncode == 0
    asyncio.run(_write_history(program.database))
    with program.serving():
        until(lambda: not unsealed(program))
    return program


def old_rows(program: Program) -> int:
    (row,) = program.rows("SELECT count(*) AS n FROM audit_events WHERE time < now() - interval '100 days'")
    return row["n"]


@pytest.mark.parametrize(
    ("point", "left"),
    [
        ("retention.after_event", OLD),
        ("retention.after_seal", OLD),
        ("retention.after_statement", OLD),
        ("retention.after_removal", 0),
    ],
)
def test_retention_that_dies_loses_nothing_unstated_and_is_finished(
    fragile: Cluster, tmp_path: Path, point: str, left: int
) -> None:
    program = aged(fragile, tmp_path)
    with program.serving():
        assert program.crash(point, "audit", "retention", "run") == -signal.SIGKILL
        assert_unaccused(program)
        assert old_rows(program) == left
        assert len(program.rows("SELECT 1 FROM audit_contents")) == OLD // 2
    assert_intact(program)
    with program.serving():
        done = program.run("audit", "retention", "run", "--json")
        assert done.returncode == 0, done.stderr
    assert old_rows(program) == 0
    assert program.rows("SELECT 1 FROM audit_contents") == []
    (removal,) = program.rows("SELECT statement::text, rows FROM audit_removals")
    assert removal["rows"] == OLD
    assert removal["statement"] in stated(program, "record.drop")[1]
    assert_intact(program)
    assert broken(program.database) == []


def test_contents_of_a_removal_that_died_are_taken_away_by_the_next_start(
    fragile: Cluster, tmp_path: Path
) -> None:
    program = aged(fragile, tmp_path)
    with program.serving():
        assert program.crash("retention.after_removal", "audit", "retention", "run") == -signal.SIGKILL
    assert len(program.rows("SELECT 1 FROM audit_contents")) == OLD // 2
    with program.serving():
        assert program.rows("SELECT 1 FROM audit_contents") == []
    assert_intact(program)
