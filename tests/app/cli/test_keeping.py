"""`audit erase`, `audit hold`, `audit retention`: what scripts rely on."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fix_command import Command, Ended


@pytest.fixture
def site(database: str, tmp_path: Path) -> list[str]:
    profile = tmp_path / "profile.yaml"
    profile.write_text(json.dumps({"database": {"url": database}}))
    return ["--profile", str(profile), "--data", str(tmp_path / "data")]


def told(done: Ended) -> Any:
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_person_is_planned_confirmed_and_erased(command: Command, site: list[str], database: str) -> None:
    command("user", "create", "ximena", "--display-name", "Ximena L.", *site)
    erase = ("audit", "erase", "ximena", "--reason", "request 2026-17")
    plan = told(command(*erase, "--dry-run", "--json", *site))
    assert (plan["state"], plan["rows"] > 0, len(plan["against"])) == ("active", True, 1)
    active = command(*erase, "--confirm", "ximena", *site)
    assert active.code
    assert "the account is active" in active.err
    wrong = command(*erase, "--also-disable", "--confirm", "ximen", *site)
    assert wrong.code
    assert "nothing was erased" in wrong.err
    assert "--confirm ximena" in command(*erase, "--also-disable", *site).err
    done = told(command(*erase, "--also-disable", "--confirm", "ximena", "--json", *site))
    assert (done["subject"], done["rows"] >= plan["rows"]) == (plan["subject"], True)
    with psycopg.connect(database) as conn:
        rows = conn.execute(
            "SELECT e::text FROM audit_events e UNION ALL SELECT p::text FROM principals p"
        ).fetchall()
    assert not [row for row in rows if "ximena" in row[0].lower()]
    gone = command(*erase, "--also-disable", "--confirm", "ximena", *site)
    assert gone.code
    assert "holds no person named" in gone.err


def test_unknown_name_erases_nobody_and_makes_nobody(
    command: Command, site: list[str], database: str
) -> None:
    done = command("audit", "erase", "zoe", "--reason", "request 1", "--confirm", "zoe", *site)
    assert done.code
    assert "holds no person" in done.err
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM audit_subjects").fetchone() == (0,)
        rows = conn.execute("SELECT e::text FROM audit_events e").fetchall()
    assert not [row for row in rows if "zoe" in row[0]]


def test_hold_is_set_listed_and_lifted(command: Command, site: list[str]) -> None:
    command("user", "create", "ada", *site)
    wanted = ("--user", "ada", "--since", "2026-01-01", "--reason", "case 4711")
    made = told(command("audit", "hold", "set", *wanted, "--json", *site))
    assert (made["user"], made["starts"]) == ("ada", "2026-01-01T00:00:00Z")
    assert "user ada, from 2026-01-01 00:00" in command("audit", "hold", "list", *site).out
    refused = command(
        "audit", "erase", "ada", "--reason", "request 2", "--also-disable", "--confirm", "ada", *site
    )
    assert refused.code
    assert "legal hold" in refused.err
    assert command("audit", "hold", "lift", made["hold"], *site).code == 0
    assert told(command("audit", "hold", "list", "--json", *site)) == []
    assert len(told(command("audit", "hold", "list", "--lifted", "--json", *site))) == 1
    assert command("audit", "hold", "set", "--reason", "everything", *site).code == 2


def test_retention_plans_and_tells_what_went(command: Command, site: list[str]) -> None:
    assert told(command("audit", "retention", "plan", "--json", *site)) == []
    assert told(command("audit", "retention", "run", "--json", *site)) == []
    assert told(command("audit", "retention", "status", "--json", *site)) == []
