"""`sallyport mcp add|remove`: tool servers without touching a person's profile, on record."""

import sys
from pathlib import Path

import psycopg
import pytest

from app.config import load
from tests.fix_command import Command

ROOT = Path(__file__).resolve().parents[2]
DESK = ("--folder", str(ROOT), "--", sys.executable, "-m", "app.demo.sample_mcp")
WRITTEN = "# mine\nmcp:\n  servers:\n    first: {url: 'http://127.0.0.1:1/mcp'}\n"

pytestmark = pytest.mark.slow


@pytest.fixture
def site(database: str, tmp_path: Path) -> tuple[str, ...]:
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"{WRITTEN}database: {{url: '{database}'}}\n", encoding="utf-8")
    return "--profile", str(profile), "--data", str(tmp_path / "data")


def servers(tmp_path: Path) -> set[str]:
    return set(load(tmp_path / "profile.yaml", environment={}).mcp.servers)


def test_server_is_added_after_it_answered_and_removed_again(
    command: Command, site: tuple[str, ...], database: str, tmp_path: Path
) -> None:
    added = command(
        "mcp", "add", "desk", *site, "--check", "--description", "Tickets", "--pins", "approve", *DESK
    )
    assert added.code == 0, added.err
    assert servers(tmp_path) == {"first", "desk"}
    assert (tmp_path / "profile.yaml").read_text(encoding="utf-8").startswith(WRITTEN)
    file = tmp_path / "profile.d" / "desk.yaml"
    assert file.stat().st_mode & 0o777 == (tmp_path / "profile.yaml").stat().st_mode & 0o666
    again = command("mcp", "add", "desk", *site, *DESK)
    assert (again.code, "already" in again.err) == (2, True)
    assert command("mcp", "remove", "desk", *site).code == 0
    assert (servers(tmp_path), list(file.parent.iterdir())) == ({"first"}, [])
    with psycopg.connect(database) as conn:
        rows = conn.execute(
            "SELECT action, resource, actor_kind FROM audit_events WHERE door = 'cli' AND kind = 'intent' ORDER BY id"
        ).fetchall()
    assert rows == [
        ("admin.server.add", "desk", "operator"),
        ("server.connect", "desk", "operator"),
        ("admin.server.remove", "desk", "operator"),
    ]


def test_server_that_does_not_answer_is_not_added(
    command: Command, site: tuple[str, ...], tmp_path: Path
) -> None:
    ended = command("mcp", "add", "gone", *site, "--check", "--url", "http://127.0.0.1:1/mcp")
    assert (ended.code, "cannot be reached" in ended.err) == (1, True), ended.err
    assert servers(tmp_path) == {"first"}


def test_mistakes_are_told_and_change_nothing(
    command: Command, site: tuple[str, ...], tmp_path: Path
) -> None:
    for words, said in (
        (("both", "--url", "http://127.0.0.1:1/mcp", *site, *DESK), "exactly one of command and url"),
        (("../evil", *site, *DESK), "mcp.servers"),
        (("pair", "--env", "TOKEN", *site, *DESK), "is not NAME=VALUE"),
        (("secret", "--env", "TOKEN=file:absent", *site, *DESK), "absent"),
    ):
        ended = command("mcp", "add", *words)
        assert (ended.code, said in ended.err) == (2, True), ended.err
    ended = command("mcp", "remove", "first", *site)
    assert (ended.code, "Take mcp.servers.first out" in ended.err) == (2, True)
    assert command("mcp", "remove", "nobody", *site).code == 3
    assert servers(tmp_path) == {"first"}
    assert not (tmp_path / "profile.d").exists()
