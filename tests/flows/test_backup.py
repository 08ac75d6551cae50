"""A site that serves is backed up, lost and restored: on either kind of database it goes on, and its record says so."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from psycopg.conninfo import make_conninfo

from app.server.backup.schedule import Scheduled
from tests.cluster import Cluster, cluster
from tests.faults.callers import CALLS, call, caller
from tests.fix_process import Program, Provider
from tests.fix_server import Serve
from tests.fix_server import until as soon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
DEBIAN = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user may pass through, short enough for sockets."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="sp-backup-", dir=memory))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def other() -> Iterator[Cluster]:
    """The distribution's PostgreSQL where it is installed, which is older than ours."""
    with cluster(DEBIAN.parent.parent if DEBIAN else None) as made:
        yield made


def place(folder: Path, name: str, *, database: str = "", provider: str) -> Program:
    (folder / name).mkdir(mode=0o755)
    return Program(folder / name, database=database, provider=provider)


def new_key(path: Path) -> str:
    words = [sys.executable, "-m", "app", "backup", "new-key", str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def run(program: Program, *words: str) -> Any:
    done = program.run(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def calls(url: str, key: str) -> set[str]:
    """One call through every door; their traces."""
    async with caller() as session:
        answers = [await call(session, url, key, door) for door in CALLS]
    assert {answer.status for answer in answers} == {200}
    return {answer.trace for answer in answers}


async def _served(program: Program, key: str) -> set[str]:
    with program.serving() as process:
        return await calls(process.url, key)


async def test_a_site_is_lost_and_comes_back_on_another_kind_of_database(
    folder: Path, other: Cluster
) -> None:
    recipient = new_key(folder / "identity")
    words = ("--identity", str(folder / "identity"), "--reason", "the machine burnt down")
    with Provider() as provider:
        first = place(folder, "first", provider=provider.url)
        key = first.key()
        with first.serving() as process:
            before = await calls(process.url, key)
            running = asyncio.create_task(calls(process.url, key))
            backup = ("backup", "--output", str(folder / "first.age"), "--recipient", recipient)
            written = await asyncio.to_thread(run, first, *backup)
            await running
        assert written["rows"] > 20
        shutil.rmtree(first.folder)

        database = make_conninfo(other.url, dbname=other.new_database())
        second = place(folder, "second", database=database, provider=provider.url)
        restored = run(second, "restore", str(folder / "first.age"), *words)
        assert restored["origin"].endswith("/audit/2")
        after = await _served(second, key)
        listed = {line["trace_id"] for line in run(second, "audit", "list", "--limit", "500")}
        assert before | after <= listed
        said = second.rows("SELECT body FROM audit_events WHERE action = 'record.restore'")
        assert "the machine burnt down" in json.dumps(said)
        assert second.run("audit", "verify").returncode == 0
        run(second, "backup", "--output", str(folder / "second.age"), "--recipient", recipient)

        third = place(folder, "third", provider=provider.url)
        run(third, "restore", str(folder / "second.age"), *words)
        again = await _served(third, key)
        listed = {line["trace_id"] for line in run(third, "audit", "list", "--limit", "500")}
        assert before | after | again <= listed
        verified = third.run("audit", "verify")
        assert verified.returncode == 0, verified.stdout


async def test_backups_by_the_clock_are_kept_in_number_and_recorded(serve: Serve, tmp_path: Path) -> None:
    recipient = new_key(tmp_path / "identity")
    kept = tmp_path / "kept"
    kept.mkdir()
    served = await serve(
        f"backup: {{folder: {kept}, hours: 0.0000001, keep: 2, recipients: ['{recipient}']}}"
    )
    await soon((tmp_path / "data" / "record" / "head").exists, 60)
    scheduled, names = Scheduled(served.site), []
    try:
        for _ in range(3):
            written = await scheduled.step()
            assert written is not None
            names.append(Path(written.file).name)
            stamp = names[-1].removesuffix(".age").rpartition("-")[2]
            await soon(lambda stamp=stamp: datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") > stamp)
    finally:
        await scheduled.close()
    assert sorted(path.name for path in kept.iterdir()) == names[1:]
    rows = served.select("SELECT * FROM audit_events WHERE action = 'admin.backup' AND kind = 'outcome'")
    assert [row["status"] for row in rows] == ["ok"] * 3


async def test_api_shows_what_is_kept_and_writes_one_more(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    # One of an hour ago, so that the clock asks for none meanwhile.
    before = datetime.now(UTC) - timedelta(hours=1)
    name = "sallyport-example.org-site-audit"
    (kept / f"{name}-{before.strftime('%Y%m%dT%H%M%SZ')}.age").write_bytes(b"of before")
    settings = f"backup: {{folder: {kept}, recipients: ['{new_key(tmp_path / 'identity')}']}}"
    served = await serve(f"record: {{origin: example.org/site}}\n{settings}")
    await soon((tmp_path / "data" / "record" / "head").exists, 60)
    headers = {"Authorization": f"Bearer {await served.key('administrator')}"}
    place = f"{served.url}/api/v1/backups"
    async with http.get(place, headers=headers) as answer:
        shown = await answer.json()
    assert ([one["bytes"] for one in shown["backups"]], shown["late"], shown["problem"]) == ([9], False, "")
    due = datetime.fromisoformat(shown["due"])
    assert timedelta(hours=22) < due - before < timedelta(hours=25)
    async with http.post(place, headers=headers) as answer:
        written = await answer.json()
    assert answer.status == 201, written
    assert (kept / written["file"]).stat().st_size == written["bytes"]
    async with http.get(place, headers=headers) as answer:
        assert (await answer.json())["backups"][0]["file"] == written["file"]
    developer = {"Authorization": f"Bearer {await served.key('developer', name='other')}"}
    async with http.post(place, headers=developer) as answer:
        assert answer.status == 403
    rows = served.select("SELECT kind, status FROM audit_events WHERE action = 'admin.backup' ORDER BY id")
    assert [(row["kind"], row["status"]) for row in rows] == [
        ("intent", None),
        ("outcome", "ok"),
        ("denial", None),
    ]


async def test_without_a_folder_the_api_says_so(serve: Serve, http: aiohttp.ClientSession) -> None:
    served = await serve()
    headers = {"Authorization": f"Bearer {await served.key('administrator')}"}
    async with http.get(f"{served.url}/api/v1/backups", headers=headers) as answer:
        shown = await answer.json()
    assert (shown["folder"], shown["backups"], shown["due"], shown["late"]) == ("", [], None, False)
    assert "Name backup.folder" in shown["problem"]
    async with http.post(f"{served.url}/api/v1/backups", headers=headers) as answer:
        assert answer.status == 409, await answer.text()
