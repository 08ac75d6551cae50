"""Sallyport dies in the middle of a rekey: everything opens afterwards, and the next rekey goes through."""

import json
import signal
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster
from tests.fix_process import Program

pytestmark = pytest.mark.slow

VALUE = "the-value-that-must-survive"


def checked(program: Program) -> dict:
    done = program.run("secret", "check", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("point", "keys"), [("rekey.before_rewrap", 1), ("rekey.before_commit", 1), ("rekey.after_commit", 2)]
)
def test_death_in_a_rekey_loses_no_secret(fragile: Cluster, tmp_path: Path, point: str, keys: int) -> None:
    program = Program(tmp_path, database=make_conninfo(fragile.url, dbname=fragile.new_database()))
    (tmp_path / "value").write_text(VALUE, encoding="ascii")
    made = program.run("secret", "set", "token", "--file", str(tmp_path / "value"))
    assert made.returncode == 0, made.stderr
    assert program.crash(point, "secret", "rekey") == -signal.SIGKILL
    assert len(checked(program)["keys"]) == keys
    with program.serving():
        again = program.run("secret", "rekey", "--json")
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["versions"] == 1
    finished = program.run("secret", "rekey", "--finish")
    assert finished.returncode == 0, finished.stderr
    assert checked(program)["problems"] == []
    key = (tmp_path / "data" / "keys" / "master.key").read_text(encoding="ascii")
    assert key.count("sallyport-master-key-1") == 1
