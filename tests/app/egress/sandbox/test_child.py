"""Children: their environment, and that they do not outlive us even when we are killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import uvloop

from app.core.errors import UpstreamError
from app.egress.sandbox import Confinement, Program, spawn
from app.egress.sandbox.program import child_environment
from app.mcp.supervisor.host.usage import tree
from tests.fix_server import until

OWN = {
    "PATH": "/bin",
    "LANG": "de_DE.UTF-8",
    "LD_LIBRARY_PATH": "/x",
    "_PYI_ARCHIVE_FILE": "y",
    "SECRET": "z",
}


def test_environment_is_three_names_and_what_is_declared():
    assert child_environment({"A": "1"}, own=OWN, home=Path("/h")) == {
        "PATH": "/bin",
        "HOME": "/h",
        "LANG": "de_DE.UTF-8",
        "A": "1",
    }
    assert child_environment({}, own={}, home=Path("/h"))["LANG"] == "C.UTF-8"


def program(folder: Path, *command: str) -> Program:
    return Program(command=command, environment={"PATH": os.environ["PATH"]}, folder=folder, home=folder)


async def test_missing_program_is_an_error_in_words(tmp_path: Path):
    with pytest.raises(UpstreamError, match="cannot be started: No such file"):
        await spawn(program(tmp_path, "/no/such"))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_descriptor_that_we_inherited_is_not_passed_on(tmp_path: Path, run: Callable[..., bytes]):
    async def look() -> bytes:
        process = await spawn(program(tmp_path, "sh", "-c", "ls -l /proc/$$/fd"))
        out = await process.stdout.read()
        await process.end()
        return out

    with (tmp_path / "open-file").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert b"open-file" not in run(look())


async def test_program_that_ignores_every_hint_is_killed(tmp_path: Path):
    process = await spawn(program(tmp_path, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"))
    await process.end(grace=0.2)
    assert process.returncode == -signal.SIGKILL


async def test_group_of_a_program_that_is_gone_already_is_still_ended(tmp_path: Path):
    process = await spawn(program(tmp_path, "sh", "-c", "sleep 300 & echo up; sleep 0.3"))
    assert await process.stdout.readline() == b"up\n"
    left = set(tree(process.pid))
    assert await process.exited(within=2)
    await process.end()
    for _ in range(100):
        if all(_gone(pid) for pid in left):
            break
        await asyncio.sleep(0.02)
    assert all(_gone(pid) for pid in left)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
async def test_program_dies_with_a_killed_parent(tmp_path: Path):
    script = (
        "import asyncio, os, pathlib\n"
        "from app.egress.sandbox import Program, spawn\n"
        "async def main():\n"
        f"    folder = pathlib.Path({str(tmp_path)!r})\n"
        "    command = ('sh', '-c', 'setsid sleep 300 & sleep 300')\n"
        "    one = Program(command=command, environment=dict(os.environ), folder=folder, home=folder)\n"
        "    child = await spawn(one)\n"
        "    print(child.pid, 'own process' in child.level.on.get('processes', ''), flush=True)\n"
        "    await asyncio.sleep(300)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    number, whole = (await parent.stdout.readline()).split()
    child = int(number)
    assert _state(child) in "SRD"
    family = await until(lambda: found if len(found := list(tree(child))) > 2 else None)
    parent.kill()
    await parent.wait()
    # Without a process namespace the kernel ends the program only, not what left its group.
    await until(lambda: all(_gone(pid) for pid in (family if whole == b"True" else [child])))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs can lack a limit everywhere")
async def test_required_confinement_refuses_to_start_and_says_what_is_missing(tmp_path: Path):
    asked = Confinement(user=0, group=0, hide=str(tmp_path), required=True)
    with pytest.raises(UpstreamError, match=r"requires what this host does not give: .*limits: "):
        await spawn(msgspec.structs.replace(program(tmp_path / "home", "true"), confinement=asked))


def _gone(pid: int) -> bool:
    try:
        return _state(pid) == "Z"
    except FileNotFoundError:
        return True


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_secret_is_read_from_a_descriptor_that_nothing_else_gets(tmp_path: Path):
    reading = "cat /dev/fd/$TOKEN_FD; ls /proc/self/fd | wc -w"
    wanted = msgspec.structs.replace(
        program(tmp_path, "/bin/sh", "-c", reading), descriptors={"TOKEN_FD": b"only here\n"}
    )
    before = descriptors()
    child = await spawn(wanted)
    assert await child.stdout.readline() == b"only here\n"
    assert int(await child.stdout.readline()) == 5  # three, the secret's, and the folder that is listed
    await child.end()
    assert descriptors() == before
