"""Real files of two schemas: the database goes along, and comes back when the new file does not serve."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_process import until
from tests.frozen.installed import SCHEMAS, Host, medium
from tests.frozen.serving import lines
from tests.media import Makers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.frozen,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason="the unit is the system's"),
    pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd to make a second file"),
]
LATER = "CREATE TABLE later_notes (id integer PRIMARY KEY, note text NOT NULL);\nINSERT INTO later_notes VALUES (1, 'x');"


@pytest.fixture
def host(folder: Path) -> Iterator[Host]:
    made = Host(folder)
    yield made
    made.systemctl("stop", "sallyport.service")


def users(host: Host) -> list[str]:
    listed = host.installed("user", "list", "--json", "--data", str(host.data))
    assert listed.returncode == 0, listed.stderr
    return [user["name"] for user in lines(listed.stdout)]


def actions(host: Host) -> list[str]:
    told = host.installed("audit", "query", "--format", "jsonl", "--data", str(host.data))
    assert told.returncode == 0, told.stderr
    return [row["action"] for row in lines(told.stdout)]


def intact(host: Host) -> str:
    verified = host.installed("audit", "verify", "--data", str(host.data))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    return verified.stdout


def test_file_of_a_newer_schema_takes_the_database_along_or_gives_it_back(
    bundle: Path, folder: Path, host: Host
) -> None:
    makers = Makers()
    keyset = makers.write_keyset(folder / "keyset.json")

    def made(number: int, version: str, **migrations: str) -> Path:
        place = folder / f"m{number}"
        return medium(makers, place, number, bundle=bundle, version=version, **migrations)

    first = made(1, "9.1")
    # Its first migration is there for good when the second one fails: the old file cannot open that database.
    failing = made(2, "9.2", later=LATER, failing="SELECT 1/0;")
    second = made(3, "9.3", later=LATER)
    host.install(first, keyset)
    assert host.installed("user", "create", "dora", "--data", str(host.data)).returncode == 0

    undone = host.installed("update", "apply", str(failing), "--seconds", "10")
    assert undone.returncode == 1, undone.stdout
    assert "The update was undone" in undone.stderr, undone.stderr
    assert "division by zero" in host.log()
    assert [step for step in host.steps() if step.startswith("update.")] == [
        "update.verified",
        "update.staged",
        "update.backup",
        "update.switched",
        "update.failed",
        "update.restored",
        "update.undone",
    ]
    until(host.ready, 60)
    assert (host.serving(), users(host)) == ("9.1", ["dora"])
    intact(host)
    assert host.installed("user", "create", "eve", "--data", str(host.data)).returncode == 0

    done = host.installed("update", "apply", str(second))
    assert done.returncode == 0, done.stderr
    assert (host.serving(), users(host)) == ("9.3", ["dora", "eve"])
    rows = actions(host)
    assert rows.count("admin.user.create") == len(users(host)) == 2
    assert {"release.update.restored", "release.update.settled", "record.restore"} <= set(rows)
    intact(host)
    older = host.run(folder / "m1" / "sallyport", "migrate", "--data", str(host.data))
    assert f"The database has schema {SCHEMAS + 1}" in older.stderr
    back = host.installed("update", "rollback")
    assert "changed the database" in back.stderr
    assert host.serving() == "9.3"
