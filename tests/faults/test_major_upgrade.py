"""An embedded database of an older PostgreSQL is copied into the newer at start; a power cut leaves one of them whole."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.paths import postgres_home
from app.db import connect
from app.db.embedded import Embedded
from app.db.major import cluster_major, copy_database, program_major
from app.db.owner import server_owner
from tests.faults.callers import CALLS, call, caller
from tests.fix_process import Program, Provider

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
OLDER = max((path.parent.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)
needs_older = pytest.mark.skipif(
    OLDER is None or program_major(OLDER) >= program_major(postgres_home()),
    reason="needs the distribution's PostgreSQL, older than ours",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user may pass through, short enough for sockets."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="sp-major-", dir=memory))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


async def _as_the_older_wrote_it(folder: Path) -> None:
    """Move what is in the embedded database into a cluster of the older PostgreSQL."""
    assert OLDER is not None
    password = folder / "keys" / "database"
    new = Embedded(folder=folder / "postgres", home=postgres_home(), password_file=password)
    old = Embedded(folder=folder / "older", home=OLDER, password_file=password)
    (folder / "older" / "run").mkdir(parents=True)
    owner = server_owner(folder / "postgres")
    for path in (folder / "older", folder / "older" / "run"):
        owner.own(path)
    words = folder / "older" / "run" / "password"
    words.write_text(password.read_text())
    owner.own(words)
    await asyncio.to_thread(_initdb, OLDER, folder / "older" / "data", words)
    await new.start()
    await old.start()
    try:
        async with (
            await connect(new.url, purpose="test") as source,
            await connect(old.url, purpose="test") as target,
        ):
            await copy_database(source, target)
    finally:
        await new.stop()
        await old.stop()
    shutil.rmtree(folder / "postgres" / "data")
    (folder / "older" / "data").rename(folder / "postgres" / "data")
    shutil.rmtree(folder / "older")


def _initdb(home: Path, cluster: Path, words: Path) -> None:
    options = [
        "-U",
        "sallyport",
        f"--pwfile={words}",
        "--auth-local=scram-sha-256",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    subprocess.run(
        [home / "bin" / "initdb", "-D", cluster, *options],
        check=True,
        capture_output=True,
        **server_owner(cluster.parent).spawn(),
    )


@needs_older
async def test_a_cluster_of_the_older_postgresql_is_served_by_the_newer_with_every_row(folder: Path) -> None:
    with Provider() as provider:
        program = Program(folder, provider=provider.url)
        key = program.key()
        with program.serving() as process:
            before = await _calls(process.url, key)
        data = folder / "data"
        (data / "postgres" / "programs").unlink()
        await _as_the_older_wrote_it(data)
        refused = await asyncio.to_thread(program.run, "user", "list")
        assert refused.returncode == 2
        assert "its programs are not here any more" in refused.stderr
        (data / "postgres" / "programs").write_text(str(OLDER))
        assert await asyncio.to_thread(program.crash, "major.after_copy", "user", "list") == -signal.SIGKILL
        (data / "postgres" / "next" / "whole").unlink()  # as if the power had gone a moment earlier
        assert await asyncio.to_thread(program.crash, "major.after_move", "user", "list") == -signal.SIGKILL
        assert cluster_major(data / "postgres" / "data") == 0
        with program.serving() as process:
            assert cluster_major(data / "postgres" / "data") == program_major(postgres_home())
            after = await _calls(process.url, key)
        assert len(list((data / "postgres").glob("data.*"))) <= 1
        listed = json.loads(program.run("audit", "list", "--limit", "500", "--json").stdout)
        assert before | after <= {line["trace_id"] for line in listed}
        assert not list((data / "postgres").glob("data.*"))
        verified = program.run("audit", "verify")
        assert verified.returncode == 0, verified.stdout


async def _calls(url: str, key: str) -> set[str]:
    async with caller() as session:
        answers = [await call(session, url, key, door) for door in CALLS]
    assert {answer.status for answer in answers} == {200}
    return {answer.trace for answer in answers}


def test_a_cluster_of_a_newer_postgresql_is_refused_and_left_alone(folder: Path) -> None:
    program = Program(folder)
    assert program.run("migrate").returncode == 0
    version = folder / "data" / "postgres" / "data" / "PG_VERSION"
    version.write_text("99\n")
    (folder / "data" / "postgres" / "programs").unlink()
    refused = program.run("user", "list")
    assert refused.returncode == 2
    assert "was written by PostgreSQL 99" in refused.stderr
    assert version.read_text() == "99\n"
