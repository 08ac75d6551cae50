"""`sallyport policy`: what scripts and people see, and what the record keeps of it."""

import json
from pathlib import Path

import psycopg
import pytest

from tests.fix_command import Command

GOOD = """\
policy: site
rules:
  - {id: closed, effect: forbid, actions: [model.invoke], reason: Closed today.}
tests:
  - {name: closed, given: {user: dora, action: model.invoke, model: any}, expect: forbid, rule: closed}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def where(database: str, tmp_path: Path) -> list[str]:
    profile = tmp_path / "profile.yaml"
    profile.write_text(json.dumps({"database": {"url": database}}), encoding="utf-8")
    return ["--profile", str(profile), "--data", str(tmp_path / "data")]


def test_check_and_test_need_no_database(file: Path, command: Command) -> None:
    assert command("policy", "check", str(file)).out.startswith("site: 1 rules, 1 tests, sha256 ")
    tested = command("policy", "test", str(file))
    assert (tested.code, tested.out) == (0, "ok     closed\n1 of 1 tests passed\n")


def test_mistake_names_file_line_and_remedy(file: Path, command: Command) -> None:
    file.write_text(GOOD.replace("effect", "efect"), encoding="utf-8")
    checked = command("policy", "check", str(file))
    assert checked.code == 2
    assert checked.err == f"sallyport: {file}: line 3: unknown key 'efect'. Did you mean effect?\n"


def test_failing_test_fails_the_command(file: Path, command: Command) -> None:
    file.write_text(GOOD.replace("expect: forbid, rule: closed", "expect: permit"), encoding="utf-8")
    checked = command("policy", "check", str(file), "--json")
    told = json.loads(checked.out)
    assert (checked.code, told["ok"], told["cases"][0]["name"]) == (1, False, "closed")
    tested = command("policy", "test", str(file))
    assert tested.code == 1
    assert "FAILED closed: expected permit, got forbid." in tested.out


def test_missing_file_is_a_sentence(tmp_path: Path, command: Command) -> None:
    checked = command("policy", "check", str(tmp_path / "none.yaml"))
    assert checked.code == 2
    assert "cannot be read (No such file or directory). Check the path." in checked.err


def test_life_of_a_policy_on_the_command_line(
    file: Path, where: list[str], database: str, command: Command
) -> None:
    assert command("policy", "apply", str(file), *where).out == "site version 1 holds now.\n"
    file.write_text(GOOD + "# more\n", encoding="utf-8")
    assert "+# more" in command("policy", "diff", "site", str(file), *where).out
    assert json.loads(command("policy", "apply", str(file), *where, "--json").out)["version"] == 2
    assert command("policy", "rollback", "site", *where).out == "site version 1 holds now.\n"
    assert command("policy", "show", "site", *where).out == GOOD
    asked = ["--user", "dora", "--role", "developer", "--action", "model.invoke", "--model", "m"]
    explained = command("policy", "explain", *asked, *where)
    assert explained.out.startswith("forbid: Forbidden by rule site/closed: Closed today.\n")
    assert command("policy", "explain", "--user", "nobody", "--action", "model.invoke", *where).code == 3
    assert command("policy", "retire", "site", *where).code == 0
    assert command("policy", "retire", "site", *where).code == 3
    with psycopg.connect(database) as conn:
        rows = conn.execute(
            "SELECT action, decision, status FROM governance_decisions WHERE door = 'cli' ORDER BY time"
        ).fetchall()
    assert [(action.removeprefix("admin.policy."), *rest) for action, *rest in rows] == [
        ("apply", "permit", "ok"),
        ("show", "permit", "ok"),
        ("apply", "permit", "ok"),
        ("rollback", "permit", "ok"),
        ("show", "permit", "ok"),
        ("explain", "permit", "ok"),
        ("explain", "permit", "error"),
        ("retire", "permit", "ok"),
        ("retire", "permit", "error"),
    ]
