"""The embedded PostgreSQL dies or its disk fills up: calls are refused, and service returns by itself."""

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

from tests.faults.callers import CALLS, call, caller
from tests.fix_process import ROOT, Process, Program, Provider, clean, until

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user may pass through, short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="sp-fault-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def _postmaster(process: Process) -> int:
    path = process.program.folder / "data" / "postgres" / "data" / "postmaster.pid"
    return int(path.read_text(encoding="ascii").splitlines()[0])


async def _until(process: Process, key: str, status: int, seconds: float = 30.0) -> None:
    async with caller() as session, asyncio.timeout(seconds):
        while {(await call(session, process.url, key, door)).status for door in CALLS} != {status}:
            await asyncio.sleep(0.05)


async def test_killed_embedded_postgres_is_started_again(folder: Path):
    with Provider() as provider:
        program = Program(folder, provider=provider.url)
        key = program.key()
        with program.serving() as process:
            await _until(process, key, 200)
            for _ in range(2):
                postmaster = _postmaster(process)
                os.kill(postmaster, signal.SIGKILL)
                await _until(process, key, 503)
                await _until(process, key, 200)
                assert _postmaster(process) != postmaster
        shown = json.loads(program.run("audit", "list", "--json").stdout)
        assert {line["status"] for line in shown if line["door"] in ("gateway", "mcp")} <= {"ok", "refused"}


async def test_killed_server_leaves_no_postgres_behind_and_starts_again(folder: Path):
    with Provider() as provider:
        program = Program(folder, provider=provider.url)
        key = program.key()
        with program.serving() as process:
            await _until(process, key, 200)
            postmaster = _postmaster(process)
            process.signal(signal.SIGKILL)
            process.wait(5)
        with program.serving() as process:
            await _until(process, key, 200)
            assert _postmaster(process) != postmaster
    until(lambda: not Path(f"/proc/{postmaster}").exists())


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nsenter") is None,
    reason="needs root, unshare and nsenter for a small disk in a mount namespace of its own",
)
async def test_full_disk_refuses_calls_until_there_is_room_again(folder: Path):
    data = folder / "data"
    data.mkdir()
    with Provider() as provider:
        program = Program(folder, provider=provider.url)
        process, key = _on_a_small_disk(program, data)
        try:
            await _until(process, key, 200)
            _inside(process, f"dd if=/dev/zero of={data}/ballast bs=64k 2>/dev/null || true")
            await _flood(process, key)
            before = len(provider.received)
            await _until(process, key, 503)
            assert len(provider.received) == before
            _inside(process, f"rm {data}/ballast")
            await _until(process, key, 200)
        finally:
            process.end()
    assert "Traceback" not in program.log()


def _on_a_small_disk(program: Program, data: Path) -> tuple[Process, str]:
    """The server, its data folder on a tmpfs that only it sees, and a key."""
    script = """
        set -eu
        mount -t tmpfs -o size=220m,mode=711 tmpfs "$1"; shift
        "$@" service create robot --role developer $OPTIONS >&2
        "$@" key create robot --json $OPTIONS
        exec "$@" serve --json $OPTIONS
    """
    words = program.command()
    with (program.folder / "log").open("ab") as log:
        started = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", data, *words[:3]],
            env=clean() | {"OPTIONS": " ".join(words[3:])},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert started.stdout is not None
    line = started.stdout.readline()
    assert line, program.log()
    key = json.loads(line)["token"]
    return Process(started, json.loads(started.stdout.readline())["url"], program), key


def _inside(process: Process, script: str) -> None:
    enter = ["nsenter", "--target", str(process.process.pid), "--mount"]
    subprocess.run([*enter, "sh", "-c", script], check=True)


async def _flood(process: Process, key: str) -> None:
    """Call until the room that PostgreSQL had prepared is used up and a call is refused."""
    async with caller() as session, asyncio.timeout(60):
        while True:
            answers = await asyncio.gather(
                *(call(session, process.url, key, door) for door in CALLS for _ in range(8))
            )
            assert {answer.status for answer in answers} <= {200, 503}
            if 503 in {answer.status for answer in answers}:
                return
