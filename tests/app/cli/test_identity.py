"""`user`, `service`, `group`, `role`, `key`: what scripts rely on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.core.clock import SystemClock
from app.identity.signin.tokens import api_key_prefix, is_plain_token
from tests.fix_command import Command

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database: str, tmp_path: Path, command: Command) -> Run:
    """Runs a command line on a site with a fresh database: exit code, output, errors."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(json.dumps({"database": {"url": database}}))

    def line(*words: str) -> tuple[int, str, str]:
        ended = command(*words, "--profile", str(profile), "--data", str(tmp_path / "data"))
        return ended.code, ended.out, ended.err

    return line


def read(run: Run, *words: str) -> Any:
    code, out, err = run(*words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_people_are_created_shown_and_listed(run: Run) -> None:
    made = read(run, "user", "create", "ada", "--display-name", "Ada L.", "--role", "developer")
    assert (made["name"], made["roles"], made["state"]) == ("ada", ["developer"], "active")
    read(run, "service", "create", "ci")
    assert read(run, "user", "show", "ada") == made
    assert [one["name"] for one in read(run, "user", "list")] == ["ada"]
    assert [one["name"] for one in read(run, "service", "list")] == ["ci"]
    assert "ada" in run("user", "list")[1]


@pytest.mark.slow
def test_groups_give_roles(run: Run) -> None:
    read(run, "user", "create", "ada")
    read(run, "role", "create", "chemist", "--description", "Mixes things")
    read(run, "group", "create", "lab")
    read(run, "group", "add", "lab", "ada")
    assert read(run, "group", "grant", "lab", "chemist") == read(run, "group", "show", "lab")
    assert read(run, "user", "show", "ada")["roles"] == ["chemist"]
    assert read(run, "role", "show", "chemist")["groups"] == ["lab"]
    read(run, "group", "remove", "lab", "ada")
    read(run, "group", "revoke", "lab", "chemist")
    read(run, "group", "delete", "lab")
    assert read(run, "group", "list") == []
    read(run, "role", "delete", "chemist")
    assert [role["name"] for role in read(run, "role", "list")] == [
        "administrator",
        "auditor",
        "developer",
        "user",
    ]


def test_key_is_shown_once(run: Run) -> None:
    read(run, "user", "create", "ada")
    made = read(
        run,
        "key",
        "create",
        "ada",
        "--scope",
        "model.*",
        "--expires",
        "30d",
        "--budget",
        "5",
        "--window",
        "day",
    )
    assert api_key_prefix(made["token"]) == made["prefix"]
    shown = read(run, "key", "show", made["token"])
    assert "token" not in shown
    assert (shown["scopes"], shown["budget_microdollars"], shown["spending"]) == (["model.*"], 5, [])
    code, out, err = run("key", "create", "ada")
    assert (code, api_key_prefix(out.strip()) is not None) == (0, True)
    assert "not shown again" in err
    assert [key["owner"] for key in read(run, "key", "list", "--owner", "ada")] == ["ada", "ada"]
    assert read(run, "key", "budget", made["prefix"])["budget_microdollars"] is None
    states = [read(run, "key", verb, made["prefix"])["state"] for verb in ("disable", "enable", "revoke")]
    assert states == ["disabled", "active", "revoked"]


def test_password_comes_from_a_file_and_stays_out_of_the_record(
    run: Run, database: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery\n")
    read(run, "user", "create", "ada", "--password-file", str(secret))
    read(run, "user", "password", "ada", "--password-file", str(secret))
    secret.write_text("short")
    code, _, err = run("user", "password", "ada", "--password-file", str(secret))
    assert (code, "12 characters" in err) == (2, True)
    with psycopg.connect(database) as conn:
        rows = conn.execute("SELECT e::text FROM audit_events e").fetchall()
        assert len(rows) == 6
        assert "correct horse" not in str(rows)
        assert conn.execute("SELECT count(*) FROM passwords").fetchone() == (1,)


@pytest.mark.slow
def test_states_links_and_sessions_of_a_user(run: Run) -> None:
    read(run, "user", "create", "ada")
    assert is_plain_token(read(run, "user", "link", "ada")["token"], "su")
    assert read(run, "user", "sessions") == []
    assert read(run, "user", "disable", "ada")["state"] == "disabled"
    assert read(run, "user", "enable", "ada")["state"] == "active"
    read(run, "user", "grant", "ada", "auditor")
    assert read(run, "user", "revoke", "ada", "auditor")["roles"] == []
    read(run, "user", "unlock", "ada")
    read(run, "user", "sign-out", "ada")
    read(run, "user", "delete", "ada")
    assert read(run, "user", "list") == []


@pytest.mark.slow
def test_exit_code_says_how_it_ended(run: Run) -> None:
    read(run, "user", "create", "ada", "--role", "administrator")
    endings = {
        ("user", "create", "ada"): 1,
        ("user", "disable", "ada"): 1,
        ("role", "delete", "auditor"): 1,
        ("user", "create", "Not A Name"): 2,
        ("user", "create"): 2,
        ("user", "password", "ada"): 2,
        ("key", "create", "ada", "--expires", "soon"): 2,
        ("key", "create", "ada", "--expires", SystemClock().now().replace(year=2020, day=1).isoformat()): 2,
        ("user", "show", "bob"): 3,
        ("key", "show", "aaaaaaaaaa"): 3,
        ("group", "add", "nogroup", "ada"): 3,
        ("user", "grant", "ada", "wizard"): 3,
    }
    assert {words: run(*words)[0] for words in endings} == endings


def test_every_command_is_in_the_record_as_the_operator(run: Run, database: str) -> None:
    read(run, "user", "create", "ada", "--role", "developer")
    read(run, "user", "show", "ada")
    run("user", "show", "nobody")
    with psycopg.connect(database) as conn:
        rows = conn.execute(
            "SELECT action, resource, actor_kind, decision, door, status FROM governance_decisions ORDER BY call_id"
        ).fetchall()
    assert rows == [
        ("admin.user.create", "ada", "operator", "permit", "cli", "ok"),
        ("admin.user.show", "ada", "operator", "permit", "cli", "ok"),
        ("admin.user.show", "nobody", "operator", "permit", "cli", "error"),
    ]
