"""A tool server's process: own group and session, scrubbed environment, ended as a whole."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.core.errors import UpstreamError
from app.secrets import NOTHING, Injection

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one message; a program that sends more is ended."""
GRACE = 2.0
"""Seconds a program gets after its input closed, and again after SIGTERM."""
_LOOK = 0.02
_LAST_WORDS = 0.5
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PR_SET_PDEATHSIG = 1
_PRCTL = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None) if sys.platform == "linux" else None


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What to start: nothing of Sallyport's own environment is inherited beyond PATH, HOME and LANG."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    home: Path
    """Private to the program; made before it starts."""


def child_environment(declared: Mapping[str, str], *, own: Mapping[str, str], home: Path) -> dict[str, str]:
    """PATH and LANG of ours, a private HOME, and what the profile declares; no loader or bundle variable."""
    environment = {"PATH": own.get("PATH") or _PATH, "HOME": str(home), "LANG": own.get("LANG") or "C.UTF-8"}
    return {**environment, **declared}


async def spawn(program: Program, injection: Injection = NOTHING) -> Process:
    """Start it with what it is given of the secrets; UpstreamError says why it cannot be started."""
    given: dict[str, int] = {}
    try:
        program.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_descriptors()
        given = {name: _readable(data) for name, data in injection.descriptors.items()}
        numbers = {name: str(number) for name, number in given.items()}
        return await asyncio.create_subprocess_exec(
            *program.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=program.folder,
            env={**program.environment, **injection.environment, **numbers},
            pass_fds=tuple(given.values()),
            start_new_session=True,
            close_fds=True,
            limit=LINE_LIMIT,
            preexec_fn=_die_with_parent if _PRCTL else None,  # one system call: no lock, no allocation
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UpstreamError(f"{program.command[0]} cannot be started: {reason}.", kind="connect") from None
    finally:
        for number in given.values():
            os.close(number)


def _readable(data: bytes) -> int:
    """A descriptor at the beginning of these bytes, which are in memory and in no file; closed at every exec but one."""
    number = os.memfd_create("secret", os.MFD_CLOEXEC)
    os.write(number, data)
    os.lseek(number, 0, os.SEEK_SET)
    return number


async def end(process: Process) -> None:
    """Close its input, then SIGTERM, then SIGKILL, always to the whole group: grandchildren go too."""
    if process.stdin is not None:
        process.stdin.close()
    if not await exited(process, within=GRACE):
        _signal(process.pid, signal.SIGTERM)
        await exited(process, within=GRACE)
    _signal(process.pid, signal.SIGKILL)
    await exited(process, within=GRACE)
    await _group_gone(process.pid)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            await _drain(stream)


async def exited(process: Process, *, within: float) -> bool:
    """Whether the process itself ended in time; `wait()` would also wait for whoever inherited its pipes."""
    left = within
    while process.returncode is None and left > 0:
        await asyncio.sleep(_LOOK)
        left -= _LOOK
    return process.returncode is not None


async def _group_gone(group: int) -> None:
    """Give the kernel a moment to end them all; a zombie that nobody reaps is not waited for longer."""
    left = _LAST_WORDS
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while left > 0:
            os.killpg(group, 0)
            await asyncio.sleep(_LOOK)
            left -= _LOOK


async def _drain(stream: asyncio.StreamReader) -> None:
    """Read what is left, so that the pipe closes."""
    with contextlib.suppress(TimeoutError, ValueError):
        async with asyncio.timeout(_LAST_WORDS):
            while await stream.read(1024 * 1024):
                pass


def _keep_descriptors() -> None:
    """Make nothing inheritable but the standard three: uvloop has no `close_fds`, and whoever started us left some."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are all that is wanted
            with contextlib.suppress(OSError):
                if int(name) > 2:
                    os.set_inheritable(int(name), False)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _die_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
