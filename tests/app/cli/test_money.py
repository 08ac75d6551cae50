"""`budget` and `prices`: what scripts rely on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fix_command import Command

Run = Callable[..., tuple[int, str, str]]

MODELS = {
    "known": {"provider": "p", "price": "gpt-5"},
    "ends": {"provider": "p", "price": "ending"},
}


@pytest.fixture
def run(tmp_path: Path, command: Command) -> Run:
    """Runs a command line on a site with two models; exit code, output, errors."""
    profile = tmp_path / "profile.yaml"
    providers = {"p": {"dialect": "openai", "url": "http://127.0.0.1:9/v1"}}
    profile.write_text(json.dumps({"providers": providers, "models": MODELS}))

    def line(*words: str) -> tuple[int, str, str]:
        ended = command(*words, "--profile", str(profile), "--data", str(tmp_path / "data"))
        return ended.code, ended.out, ended.err

    return line


@pytest.mark.slow
def test_prices_are_shown_checked_and_compared(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("prices", "show", "gpt-5-2025-08-07", "--json")
    shown = json.loads(out)
    assert (code, shown["prices"][0]["entry"], shown["prices"][0]["price"]["input"]) == (
        0,
        "gpt-5",
        1_250_000,
    )
    assert run("prices", "show", "nothing")[0] == 3
    code, out, _ = run("prices", "check", "--json")
    assert (code, [one["state"] for one in json.loads(out)["findings"]]) == (1, ["fail"])
    other = tmp_path / "prices.yaml"
    other.write_text(
        "version: mine\nprices:\n  gpt-5: {input: 1, output: 9}\n"
        "  ending: {input: 1, output: 1, until: 2030-01-01}\n"
    )
    code, out, _ = run("prices", "check", str(other))
    assert (code, "from 2030-01-01 on" in out, "warn" in out) == (0, True, True)
    code, out, _ = run("prices", "diff", str(other), "--json")
    changed = {one["entry"]: one for one in json.loads(out)["changes"]}
    assert changed["gpt-5"]["after"]["output"] == 9_000_000
    assert changed["gpt-4o"]["after"] == {}
    other.write_text("version: mine\nprices:\n  gpt-5: {input: 1}\n")
    code, _, err = run("prices", "check", str(other))
    assert (code, "gpt-5: it has no input and output" in err) == (2, True)


@pytest.mark.slow
def test_budgets_are_set_listed_shown_and_removed(database: str, tmp_path: Path, command: Command) -> None:
    profile = tmp_path / "site.yaml"
    profile.write_text(json.dumps({"database": {"url": database}}))

    def read(*words: str, code: int = 0) -> Any:
        ended = command(*words, "--json", "--profile", str(profile), "--data", str(tmp_path / "data"))
        assert ended.code == code, ended.err
        return json.loads(ended.out) if ended.out else ended.err

    read("service", "create", "ci")
    key = read("key", "create", "ci", "--budget", "70")["prefix"]
    made = read(
        "budget", "set", "ci", "--service", "ci", "--hard", "9", "--soft", "5", "--unit", "requests",
        "--rolling", "--window", "day", "--model", "gpt*",
    )  # fmt: skip
    assert (made["subject"], made["rolling"], made["soft"], made["models"]) == ("ci", True, [5], ["gpt*"])
    assert [row["budget"]["name"] for row in read("budget", "list")] == ["ci", f"key-{key}"]
    assert read("budget", "show", f"key-{key}")["budget"]["hard"] == 70
    assert "one subject" in read("budget", "set", "x", "--hard", "1", code=2)
    assert "key budget" in read("budget", "remove", f"key-{key}", code=2)
    assert "no user" in read("budget", "set", "x", "--user", "eve", "--hard", "1", code=3)
    assert read("budget", "remove", "ci") == {"removed": "ci"}
    read("budget", "show", "ci", code=3)
