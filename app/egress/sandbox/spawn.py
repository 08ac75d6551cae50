"""Start a program through the stub: two pipes carry the order and the report, three are its own."""

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from app.confined.namespaces import SOCKETS
from app.confined.order import Order, written
from app.core.errors import UpstreamError
from app.core.frozen import CONFINED, own_command
from app.core.paths import frozen, resources
from app.egress.sandbox.child import Child
from app.egress.sandbox.confinement import named_files
from app.egress.sandbox.level import Level, essential
from app.egress.sandbox.program import Program

Fork = Callable[..., subprocess.Popen[bytes]]
"""Starts a child as `subprocess.Popen` does."""
_REPORT_SECONDS = 30.0
_REPORT_BYTES = 64 * 1024


async def spawn(program: Program, *, cgroup: str = "", outside: Fork | None = None) -> Child:
    """Start it; UpstreamError says why it cannot be started. The caller ends what it got, whatever happens.

    A program with the network is started by `outside`, because what Sallyport denied itself is inherited.
    """
    # Its life is this call: a start that is cancelled half way is finished, and then ended.
    starting = asyncio.create_task(_spawn(program, cgroup, outside))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        if not starting.cancelled() and starting.exception() is None:
            await starting.result().end(grace=0.0)
        raise


async def _spawn(program: Program, cgroup: str, outside: Fork | None) -> Child:
    try:
        _make_home(program.home)
        started = _Started()
        with started:
            for name, data in program.descriptors.items():
                started.given[name] = _readable(data)
            if program.port:
                started.outside, started.channel = socket.socketpair()
            fork = outside if outside is not None and program.confinement.network else subprocess.Popen
            started.stub = _run_stub(started, fork)
            return await _accompany(started, _order(program, cgroup, started))
    except (OSError, ValueError) as error:
        raise _refusal(program, getattr(error, "strerror", None) or str(error)) from None
    except _RefusedError as error:
        raise _refusal(program, str(error)) from None


class _RefusedError(Exception):
    """The stub says why it did not become the program."""


class _Started:
    """The pipes of one start: child's ends are closed with the block, ours are handed on."""

    def __init__(self) -> None:
        pairs: list[tuple[int, int]] = []
        try:
            pairs += [os.pipe() for _ in range(5)]
        except OSError:
            for descriptor in (one for pair in pairs for one in pair):
                os.close(descriptor)
            raise
        (self.input, self.to_input), (self.from_output, self.output) = pairs[0], pairs[1]
        (self.from_errors, self.errors), (self.order, self.to_order) = pairs[2], pairs[3]
        self.from_report, self.report = pairs[4]
        self.given: dict[str, int] = {}
        """What the program reads from descriptors of its own, by the variable that holds the number."""
        self.outside: socket.socket | None = None
        """Where sockets of the program's own network arrive."""
        self.channel: socket.socket | None = None
        self.stub: subprocess.Popen[bytes] | None = None
        self.kept = False

    def __enter__(self) -> "_Started":
        return self

    def __exit__(self, *failure: object) -> None:
        for end in (self.outside, self.channel):
            if end is not None:
                end.close()
        for descriptor in (self.input, self.output, self.errors, self.order, self.report):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        for descriptor in (self.from_report, *self.given.values()):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        if not self.kept:
            for descriptor in (self.to_input, self.from_output, self.from_errors, self.to_order):
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            if self.stub is not None:
                self.stub.kill()
                self.stub.wait()


def _make_home(home: Path) -> None:
    """Every program's user may pass through the folder of all homes, and sees nothing there."""
    if not home.parent.exists():
        home.parent.mkdir(parents=True)
        home.parent.chmod(0o711)
    home.mkdir(mode=0o700, exist_ok=True)


def _readable(data: bytes) -> int:
    """A descriptor at the beginning of these bytes, which are in memory and in no file; closed at every exec but one."""
    number = os.memfd_create("secret", os.MFD_CLOEXEC)
    os.write(number, data)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _run_stub(pipes: _Started, fork: Fork) -> subprocess.Popen[bytes]:
    """Of Sallyport's own environment nothing is passed on, and no descriptor but the five and those of its secrets."""
    interpreter, *module = own_command()
    options = [] if frozen() else ["-S", "-s"]
    channel = () if pipes.channel is None else (pipes.channel.fileno(),)
    words = [interpreter, *options, *module, CONFINED, str(pipes.order), str(pipes.report)]
    return fork(
        words,
        stdin=pipes.input,
        stdout=pipes.output,
        stderr=pipes.errors,
        pass_fds=(pipes.order, pipes.report, *channel, *pipes.given.values()),
        env={} if frozen() else {"PYTHONPATH": str(resources()), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
    )


async def _accompany(pipes: _Started, order: bytes) -> Child:
    for descriptor in (pipes.input, pipes.output, pipes.errors, pipes.order, pipes.report):
        os.close(descriptor)
    pipes.input = pipes.output = pipes.errors = pipes.order = pipes.report = -1
    sending, pipes.to_order = pipes.to_order, -1
    report = await asyncio.gather(asyncio.to_thread(_send, sending, order), _read_report(pipes.from_report))
    lines = [msgspec.json.decode(line, type=dict[str, Any]) for line in report[1].splitlines()]
    said: dict[str, Any] = {key: value for line in lines for key, value in line.items()}
    level = Level(on=said.get("on", {}), off=said.get("off", {}))
    stub, pid = pipes.stub, said.get("pid")
    if stub is None or not isinstance(pid, int):
        raise _RefusedError(said.get("error") or _last_words(pipes))
    child = Child(pid=pid, level=level, stub=stub)
    if "error" in said or "on" not in said:
        await child.reap()
        raise _RefusedError(said.get("error") or _last_words(pipes))
    child.sockets = _lent(pipes.outside)
    pipes.kept = True
    await child.connect(pipes.to_input, pipes.from_output, pipes.from_errors)
    return child


def _lent(outside: socket.socket | None) -> list[socket.socket]:
    """The sockets that the stub made; they were sent before it said that the program runs."""
    if outside is None:
        return []
    outside.setblocking(False)
    found: list[socket.socket] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            said, numbers, _, _ = socket.recv_fds(outside, 1, SOCKETS)
            if not said:
                break
            found += [socket.socket(fileno=number) for number in numbers]
    for one in found:
        one.setblocking(False)
    return found


def _last_words(pipes: _Started) -> str:
    """Of a stub that failed in a way it did not foresee."""
    os.set_blocking(pipes.from_errors, False)
    with contextlib.suppress(BlockingIOError):
        lines = os.read(pipes.from_errors, _REPORT_BYTES).decode("utf-8", "replace").strip().splitlines()
        return f"the stub failed ({lines[-1] if lines else 'without a word'})"
    return "the stub ended without a word"


def _send(descriptor: int, order: bytes) -> None:
    """All of it; a stub that ended is noticed by its report."""
    with os.fdopen(descriptor, "wb") as pipe, contextlib.suppress(BrokenPipeError):
        pipe.write(order)


async def _read_report(descriptor: int) -> bytes:
    """Until it closes: then the program runs, or an error was said."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_REPORT_BYTES)
    pipe = os.fdopen(os.dup(descriptor), "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        async with asyncio.timeout(_REPORT_SECONDS):
            said = b""
            while len(said) < _REPORT_BYTES and (chunk := await reader.read(_REPORT_BYTES)):
                said += chunk
            return said
    except TimeoutError:
        raise _RefusedError(f"it was not confined within {_REPORT_SECONDS:g} s") from None
    finally:
        transport.close()


def _order(program: Program, cgroup: str, pipes: _Started) -> bytes:
    asked, given = program.confinement, pipes.given
    return written(
        Order(
            command=list(program.command),
            environment={**program.environment, **{name: str(number) for name, number in given.items()}},
            folder=str(program.folder),
            home=str(program.home),
            hide=asked.hide,
            read=[*asked.read, *named_files(program.command, hide=asked.hide)],
            write=list(asked.write),
            network=asked.network,
            user=asked.user,
            group=asked.group,
            limits=asked.limits.rlimits(),
            cgroup=cgroup,
            required=essential(network=asked.network) if asked.required else [],
            parent=os.getpid(),
            port=program.port,
            channel=-1 if pipes.channel is None else pipes.channel.fileno(),
        )
    )


def _refusal(program: Program, why: str) -> UpstreamError:
    return UpstreamError(f"{Path(program.command[0])} cannot be started: {why}.", kind="connect")
