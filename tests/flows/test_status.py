"""`status` says whether a site serves, is sealed and can be reached, and starts nothing for it."""

import json
from pathlib import Path

import pytest

from tests.fix_process import Program

pytestmark = pytest.mark.slow


def test_status_of_a_site_before_and_while_it_serves(database: str, tmp_path: Path) -> None:
    program = Program(tmp_path, database=database.replace('"', ""))
    before = program.run("status", "--json")
    assert before.returncode == 1
    assert "does not serve" in json.loads(before.stdout)[0]["found"]
    assert program.run("migrate").returncode == 0
    with program.serving():
        during = program.run("status", "--json")
        found = {finding["check"]: finding for finding in json.loads(during.stdout)}
        assert during.returncode == 0, during.stdout
        assert "serves" in found["server"]["found"]
        assert found["record sealed"]["state"] == "ok"
        assert found["database"]["found"].startswith("PostgreSQL ")
        assert all(finding["remedy"] for finding in found.values() if finding["state"] != "ok")
