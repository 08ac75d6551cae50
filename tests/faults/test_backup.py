"""The power goes while a backup is written or restored: nothing half is ever there, and the next run completes it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster
from tests.faults.conftest import Seed
from tests.fix_process import Program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
CRASHED = -signal.SIGKILL


class Ground:
    """A site with `early`, its backup, and `late`, who came after it."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.file = folder / "site.age"
        self.identity = folder / "identity"
        made = program.run("user", "create", "early")
        assert made.returncode == 0, made.stderr
        self.recipient = _new_key(program, self.identity)
        self.write = ("backup", "--output", str(self.file), "--recipient", self.recipient)

    def beside(self, program: Program) -> "Ground":
        """The same backup, another copy of the site."""
        other = copy(self)
        other.program = program
        return other

    def replace(self) -> tuple[str, ...]:
        """The words that replace this site, whose name the refusal tells."""
        refused = self.program.run(*self.words())
        return self.words("--replace", refused.stderr.rpartition("--replace ")[2].strip())

    def words(self, *further: str) -> tuple[str, ...]:
        return ("restore", str(self.file), "--identity", str(self.identity), "--reason", "a drill", *further)

    def users(self) -> list[str]:
        listed = self.program.run("user", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return sorted(user["name"] for user in json.loads(listed.stdout))


def _new_key(program: Program, path: Path) -> str:
    words = [sys.executable, "-m", "app", "backup", "new-key", str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user may pass through, short enough for sockets."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="sp-fault-", dir=memory))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def made(folder: Path) -> Ground:
    """A site with an embedded database, stopped, and a backup of it that was made at the third attempt."""
    (folder / "made").mkdir(mode=0o755)
    program = Program(folder / "made")
    with program.serving():
        pass
    ground = Ground(program, folder)
    for point in ("backup.after_write", "backup.after_check"):
        assert program.crash(point, *ground.write) == CRASHED
        assert not ground.file.exists()
    written = program.run(*ground.write)
    assert written.returncode == 0, written.stderr
    assert program.run("user", "create", "late").returncode == 0
    return ground


@pytest.fixture
def ground(made: Ground, folder: Path) -> Ground:
    """The same site once more, for one test."""
    place = folder / f"{len(list(folder.iterdir()))}"
    subprocess.run(["cp", "-a", made.program.folder, place], check=True)
    return made.beside(Program(place))


def test_without_the_name_of_the_site_nothing_is_replaced(ground: Ground) -> None:
    refused = ground.program.run(*ground.words())
    assert (refused.returncode, "There is a site in" in refused.stderr) == (1, True)
    wrong = ground.program.run(*ground.words("--replace", "bank.example/audit"))
    assert (wrong.returncode, "is not the name of the site" in wrong.stderr) == (1, True)


def test_before_the_order_the_old_site_is_there_and_after_it_the_new_one(ground: Ground) -> None:
    assert ground.program.crash("restore.after_load", *ground.replace()) == CRASHED
    assert ground.users() == ["early", "late"]
    assert ground.program.crash("restore.after_order", *ground.replace()) == CRASHED
    assert ground.users() == ["early"]


def test_a_restore_that_died_between_two_moves_is_completed_by_whoever_comes_next(ground: Ground) -> None:
    assert ground.program.crash("restore.between_moves:2", *ground.replace()) == CRASHED
    assert ground.users() == ["early"]
    again = ground.program.run(*ground.replace())
    assert again.returncode == 0, again.stderr
    verified = ground.program.run("audit", "verify")
    assert verified.returncode == 0, verified.stdout
    assert "a tree that a declared restore has lost" in verified.stdout


def test_a_database_of_the_sites_own_is_filled_once_and_nobody_serves_meanwhile(
    fragile: Cluster, seed: Seed, tmp_path: Path
) -> None:
    url = make_conninfo(fragile.url, dbname=fragile.new_database(seed.database))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    seed.lend(tmp_path / "one" / "data")
    ground = Ground(Program(tmp_path / "one", database=url), tmp_path)
    done = ground.program.run(*ground.write)
    assert done.returncode == 0, done.stderr
    fresh = Program(tmp_path / "two", database=make_conninfo(fragile.url, dbname=fragile.new_database()))
    assert fresh.crash("restore.after_load", *ground.words()) == CRASHED
    refused = fresh.run("migrate")
    assert refused.returncode == 2
    assert "interrupted" in refused.stderr
    again = fresh.run(*ground.words("--json"))
    assert again.returncode == 0, again.stderr
    ground.program = fresh
    assert ground.users() == ["early"]
    assert fresh.run("audit", "verify").returncode == 0
    assert fresh.run("user", "create", "late").returncode == 0
    origin = json.loads(fresh.run(*ground.words("--check", "--json")).stdout)["origin"]
    replaced = fresh.run(*ground.words("--replace", origin))
    assert replaced.returncode == 0, replaced.stderr
    assert ground.users() == ["early"]
