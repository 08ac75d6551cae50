"""The command line as a whole: every command is found, explains itself, prints JSON and completes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from app.cli.root import sallyport

# A script to source, the bill of materials, which is JSON itself, and the hidden programs.
WITHOUT_JSON = {"audit verifier", "completion", "mcp connect", "provenance", "sbom"}


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name))
    else:
        yield path, command


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_every_command_takes_json() -> None:
    without = {
        " ".join(path)
        for path, command in leaves(sallyport, ())
        if "--json" not in {option for parameter in command.params for option in parameter.opts}
    }
    assert without == WITHOUT_JSON


def test_every_command_explains_itself() -> None:
    assert [path for path, command in leaves(sallyport, ()) if not command.get_short_help_str()] == []


@pytest.mark.parametrize("words", [["--help"], ["audit", "--help"], ["key", "create", "-h"]])
def test_help_is_printed(words: list[str]) -> None:
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: sallyport" in done.stdout


def test_unknown_command_is_a_usage_error_with_a_hint() -> None:
    done = run("audti")
    assert done.returncode == 2
    assert "audit" in done.stderr


def test_missing_database_is_one_sentence_with_the_remedy(tmp_path: object) -> None:
    done = run(
        "user", "list", "--data", str(tmp_path), SALLYPORT_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert "database.url" in done.stderr
    assert "Traceback" not in done.stderr


def test_completion_names_the_commands() -> None:
    done = run(_SALLYPORT_COMPLETE="bash_complete", COMP_WORDS="sallyport au", COMP_CWORD="1")
    assert "audit" in done.stdout
    assert "_SALLYPORT_COMPLETE" in run("completion", "bash").stdout


def test_manual_lists_its_topics_and_names_near_ones() -> None:
    listed = json.loads(run("help", "--json").stdout)
    assert "quick-start" in listed
    assert run("help", "quick-start", "--json").stdout.startswith('{"topic": "quick-start"')
    missing = run("help", "quick")
    assert missing.returncode == 3
    assert "quick-start" in missing.stderr


def test_profile_schema_is_json() -> None:
    schema = json.loads(run("config", "reference", "--json").stdout)
    assert "Profile" in json.dumps(schema)
