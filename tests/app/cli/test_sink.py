"""`sallyport sink`: how sinks stand, what can be done about them, and the record of it."""

import asyncio
import json
from pathlib import Path

import psycopg
import pytest

from tests.fix_command import Command
from tests.simulators.collector import Scripted

PROFILE = """\
database: {{url: "{database}"}}
sinks:
  copy: {{kind: file, path: {folder}/record.jsonl}}
  web: {{kind: http, url: "{url}"}}
  gate: {{kind: diode, path: {folder}}}
"""


@pytest.fixture
def site(database: str, tmp_path: Path) -> list[str]:
    (tmp_path / "out").mkdir()
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE.format(database=database, folder=tmp_path / "out", url="http://127.0.0.1:9"))
    return ["--profile", str(profile), "--data", str(tmp_path / "data")]


def actions(database: str) -> list[str]:
    with psycopg.connect(database) as conn:
        rows = conn.execute("SELECT action FROM audit_events WHERE kind = 'intent' ORDER BY id").fetchall()
    return [str(row[0]) for row in rows]


def test_sinks_are_listed_before_they_ever_ran(command: Command, site: list[str], database: str) -> None:
    done = command("sink", "list", "--json", *site)
    assert done.code == 0, done.err
    assert [(row["name"], row["state"]) for row in json.loads(done.out)] == [
        ("copy", "new"), ("web", "new"), ("gate", "new"),
    ]  # fmt: skip
    assert actions(database) == ["admin.sink.list"]


def test_a_test_row_says_what_came_of_it(command: Command, site: list[str], tmp_path: Path) -> None:
    done = command("sink", "test", "copy", *site)
    assert (done.code, done.out) == (0, f"copy: {tmp_path / 'out'} takes files.\n")
    assert command("sink", "test", "gate", *site).code == 0
    done = command("sink", "test", "web", *site)
    assert done.code == 1
    assert "cannot be reached" in done.err
    assert list((tmp_path / "out").iterdir()) == []


async def test_a_test_row_arrives(command: Command, database: str, tmp_path: Path) -> None:
    async with Scripted() as collector:
        profile = tmp_path / "profile.yaml"
        profile.write_text(PROFILE.format(database=database, folder=tmp_path, url=collector.url))
        words = ("sink", "test", "web", "--profile", str(profile), "--data", str(tmp_path / "data"))
        done = await asyncio.to_thread(command, *words)
        assert done.code == 0, done.err
    row = json.loads(collector.bodies[0])[0]
    assert (row["action"], row["body"]) == ("record.sink.test", {"test": True})


def test_what_is_unknown_or_unreadable_is_said(command: Command, site: list[str]) -> None:
    for words in (("status", "nobody"), ("pause", "copy"), ("forget", "copy"), ("test", "nobody")):
        done = command("sink", *words, *site)
        assert done.code == 3, words
        assert "sallyport sink list" in done.err
    done = command("sink", "replay", "copy", "--since", "yesterday", *site)
    assert done.code == 2
    assert "2026-03-01T08:00:00Z" in done.err


@pytest.mark.parametrize(
    ("sink", "remedy"),
    [
        ("{kind: syslog, address: 'a:1', protocol: udp}", "Use protocol: tls or tcp"),
        ("{kind: syslog, address: 'a'}", "Write for example logs.example:6514"),
        ("{kind: file, path: relative}", "Write the whole path"),
        ("{kind: file}", "Add path"),
        ("{kind: splunk, url: 'https://a'}", "Add token"),
        ("{kind: http, url: 'ftp://a'}", "Write https://HOST"),
        ("{kind: http, url: 'https://a', acknowledge: true}", "Remove acknowledge"),
        ("{kind: diode, path: /a, format: rfc5424}", "Write json, ocsf or cef"),
        ("{kind: http, url: 'https://a', tls: {certificate: /a}}", "Give both"),
    ],
)
def test_a_sink_that_cannot_work_is_refused_with_a_remedy(
    command: Command, tmp_path: Path, sink: str, remedy: str
) -> None:
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"sinks: {{bad: {sink}}}")
    done = command("config", "check", "--profile", str(profile))
    assert done.code == 2
    assert "sinks.bad" in done.err
    assert remedy in done.err
