"""The command line in a forked child: fast, and the egress guard that it installs for good stays in the child."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.cli import main


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run `sallyport WORDS…` and wait for it."""

    def run(*words: str) -> Ended:
        return run_forked(words, out=tmp_path / "command.out", err=tmp_path / "command.err")

    return run


def run_forked(words: tuple[str, ...], *, out: Path, err: Path) -> Ended:
    """Run a command line in a forked child, with its output in these files."""
    child = os.fork()
    if not child:
        _become(words, out, err)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code=code, out=out.read_text(encoding="utf-8"), err=err.read_text(encoding="utf-8"))


def _become(words: tuple[str, ...], out: Path, err: Path) -> None:
    """The child's whole life; nothing of the test run may go on in it."""
    code = 70
    try:
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        with (
            os.fdopen(1, "w", encoding="utf-8") as sys.stdout,
            os.fdopen(2, "w", encoding="utf-8") as sys.stderr,
        ):
            code = main(list(words))
    finally:
        os._exit(code)
