"""The sealer, a rotation, a ceremony or a witness dies at any step: never a fork, never a lost leaf."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster
from tests.faults.verifying import assert_intact, assert_unaccused
from tests.fix_process import ROOT, Program, clean, until
from tests.sealed_tree import unsound

pytestmark = pytest.mark.slow

STEPS = ("seal.after_key", "seal.before_commit", "seal.after_commit", "seal.after_publish")


def program_on(fragile: Cluster, folder: Path) -> Program:
    """A site on a database of its own that keeps nearly every checkpoint."""
    folder.mkdir(exist_ok=True)
    program = Program(folder, database=make_conninfo(fragile.url, dbname=fragile.new_database()))
    text = program.profile.read_text(encoding="utf-8")
    program.profile.write_text(
        text.replace("record: {", "record: {checkpoints: {seconds: 0.05}, "), encoding="utf-8"
    )
    return program


def all_sealed(program: Program) -> bool:
    rows = program.rows(
        "SELECT (SELECT count(*) FROM audit_events) AS rows, (SELECT sum(count) FROM audit_runs) AS leaves"
    )
    return rows[0]["rows"] == rows[0]["leaves"]


@pytest.mark.parametrize("point", STEPS)
def test_a_sealer_that_dies_here_is_followed_by_one_that_goes_on(
    fragile: Cluster, tmp_path: Path, point: str
) -> None:
    program = program_on(fragile, tmp_path)
    assert program.crash(point) == -signal.SIGKILL
    assert program.run("user", "list").returncode == 0
    if point != "seal.after_key":  # a key is made once
        assert program.crash(point) == -signal.SIGKILL
    assert_unaccused(program)
    with program.serving():
        until(lambda: all_sealed(program))
        status = program.run("audit", "status")
        assert status.returncode == 0, status.stdout
        until(lambda: all_sealed(program))
    assert unsound(program.database, tmp_path / "data") == []
    assert_intact(program)


def test_a_rotation_that_dies_is_finished_by_the_server(fragile: Cluster, tmp_path: Path) -> None:
    program = program_on(fragile, tmp_path)
    with program.serving():
        until(lambda: all_sealed(program))
    assert program.crash("rotate.after_commit", "audit", "rotate-key") == -signal.SIGKILL
    assert_unaccused(program)
    with program.serving():
        until(lambda: all_sealed(program))
        keys = json.loads(program.run("audit", "keys", "--json").stdout)
        assert [line["signs"] for line in keys] == [False, False, True, True]
        assert program.run("audit", "status").returncode == 0
        until(lambda: all_sealed(program))
    assert unsound(program.database, tmp_path / "data") == []
    assert_intact(program)


def test_a_ceremony_that_dies_is_taken_up_by_the_next_start(fragile: Cluster, tmp_path: Path) -> None:
    program = program_on(fragile, tmp_path)
    with program.serving():
        until(lambda: all_sealed(program))
    (tmp_path / "data" / "keys" / "record" / "signing").unlink()
    point = "restore.after_commit"
    assert program.crash(point, "audit", "restored", "--reason", "the key is lost") == -signal.SIGKILL
    with program.serving():
        until(lambda: all_sealed(program))
        assert program.run("audit", "status").returncode == 0
        until(lambda: all_sealed(program))
    assert unsound(program.database, tmp_path / "data") == []
    assert_intact(program)
    assert program.rows("SELECT max(epoch) AS epoch FROM audit_epochs") == [{"epoch": 2}]


def test_a_witness_that_dies_before_its_answer_answers_the_next_time(
    fragile: Cluster, tmp_path: Path
) -> None:
    program = program_on(fragile, tmp_path)
    with program.serving():
        until(lambda: all_sealed(program))
        keys = [line["key"] for line in json.loads(program.run("audit", "keys", "--json").stdout)]
    first, told = witness(tmp_path / "tower", keys, crash_at="witness.after_memory")
    text = program.profile.read_text(encoding="utf-8")
    entry = f'witnesses: {{tower: {{url: "{told["url"]}", key: "{told["keys"][0]}"}}}}, '
    program.profile.write_text(text.replace("record: {", "record: {" + entry), encoding="utf-8")
    with program.serving():
        assert first.wait(30) == -signal.SIGKILL
        second, _ = witness(tmp_path / "tower", keys, address=told["url"].removeprefix("http://"))
        try:
            until(lambda: program.rows("SELECT 1 FROM audit_cosignatures"))
            assert program.run("audit", "status").returncode == 0
        finally:
            second.terminate()
            second.wait(20)


def test_two_nodes_and_a_database_that_restarts_make_one_tree(fragile: Cluster, tmp_path: Path) -> None:
    first = program_on(fragile, tmp_path / "a")
    with first.serving():
        until(lambda: all_sealed(first))
    (tmp_path / "b").mkdir()
    second = Program(tmp_path / "b", database=first.database)
    profile = first.profile.read_text(encoding="utf-8").replace("node: site", "node: other")
    second.profile.write_text(profile, encoding="utf-8")
    keys = tmp_path / "b" / "data" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    subprocess.run(["cp", "-a", tmp_path / "a" / "data" / "keys" / "record", keys / "record"], check=True)
    one, two = first.start(), second.start()
    try:
        for turn in range(3):
            first.run("user", "list")
            second.run("user", "list")
            if turn == 0:
                fragile.kill()
                fragile.start()
            if turn == 1:
                one.signal(signal.SIGKILL)
                one.wait(10)
                one.end()
        until(lambda: all_sealed(second), 40.0)
    finally:
        one.end()
        two.end()
    with second.serving():
        until(lambda: all_sealed(second))
    assert unsound(first.database, tmp_path / "a" / "data", tmp_path / "b" / "data") == []
    assert_intact(first)
    assert_intact(second)
    assert "ALARM" not in first.log() + second.log()


def witness(
    folder: Path, keys: list[str], *, address: str = "127.0.0.1:0", crash_at: str = ""
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """`sallyport witness`, perhaps until a point, and what it said when it began."""
    words = [sys.executable, "-m", "app", "witness", "--plain-http", "--json", "--listen", address]
    words += ["--data", str(folder), *(word for key in keys for word in ("--log", key))]
    environment = clean() | ({"SALLYPORT_CRASH_AT": crash_at} if crash_at else {})
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())
