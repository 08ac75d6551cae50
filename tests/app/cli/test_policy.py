"""`sallyport policy`: what scripts and people see, and what the record keeps of it."""

import json
from pathlib import Path

import psycopg
import pytest

from app.cli import main

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


def test_check_and_test_need_no_database(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(file)]) == 0
    assert capsys.readouterr().out.startswith("site: 1 rules, 1 tests, sha256 ")
    assert main(["policy", "test", str(file)]) == 0
    assert capsys.readouterr().out == "ok     closed\n1 of 1 tests passed\n"


def test_mistake_names_file_line_and_remedy(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("effect", "efect"), encoding="utf-8")
    assert main(["policy", "check", str(file)]) == 2
    assert (
        capsys.readouterr().err == f"sallyport: {file}: line 3: unknown key 'efect'. Did you mean effect?\n"
    )


def test_failing_test_fails_the_command(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("expect: forbid, rule: closed", "expect: permit"), encoding="utf-8")
    assert main(["policy", "check", str(file), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["cases"][0]["name"]) == (False, "closed")
    assert main(["policy", "test", str(file)]) == 1
    assert "FAILED closed: expected permit, got forbid." in capsys.readouterr().out


def test_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(tmp_path / "none.yaml")]) == 2
    assert "cannot be read (No such file or directory). Check the path." in capsys.readouterr().err


def test_life_of_a_policy_on_the_command_line(
    file: Path, where: list[str], database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "apply", str(file), *where]) == 0
    assert capsys.readouterr().out == "site version 1 holds now.\n"
    file.write_text(GOOD + "# more\n", encoding="utf-8")
    assert main(["policy", "diff", "site", str(file), *where]) == 0
    assert "+# more" in capsys.readouterr().out
    assert main(["policy", "apply", str(file), *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 2
    assert main(["policy", "rollback", "site", *where]) == 0
    assert main(["policy", "show", "site", *where]) == 0
    assert capsys.readouterr().out == "site version 1 holds now.\n" + GOOD
    asked = ["--user", "dora", "--role", "developer", "--action", "model.invoke", "--model", "m"]
    assert main(["policy", "explain", *asked, *where]) == 0
    assert capsys.readouterr().out.startswith("forbid: Forbidden by rule site/closed: Closed today.\n")
    assert main(["policy", "explain", "--user", "nobody", "--action", "model.invoke", *where]) == 3
    assert main(["policy", "retire", "site", *where]) == 0
    assert main(["policy", "retire", "site", *where]) == 3
    with psycopg.connect(database) as conn:
        rows = conn.execute(
            "SELECT action, decision, status FROM governance_decisions WHERE door = 'cli' ORDER BY time"
        ).fetchall()
    assert rows == [
        ("admin.policy.apply", "permit", "ok"),
        ("admin.policy.show", "permit", "ok"),
        ("admin.policy.apply", "permit", "ok"),
        ("admin.policy.rollback", "permit", "ok"),
        ("admin.policy.show", "permit", "ok"),
        ("admin.policy.explain", "permit", "ok"),
        ("admin.policy.explain", "permit", "error"),
        ("admin.policy.retire", "permit", "ok"),
        ("admin.policy.retire", "permit", "error"),
    ]
