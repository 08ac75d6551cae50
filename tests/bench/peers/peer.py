"""What a peer is, and how its environment is made."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.load import Aim
from tests.bench.process import BenchError, Program

_LOCKS = Path(__file__).parent
_PYTHONS = ("python3.14", "python3.13", "python3.12")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a peer lives, and the upstream it is put in front of."""

    folder: Path
    upstream_port: int


class Peer(Protocol):
    """One system: installed once, started for a run, aimed at by scenario."""

    name: str
    scenarios: frozenset[str]
    slow: bool

    def version(self) -> str:
        """What is measured, exactly."""
        ...

    def installed(self, folder: Path) -> bool:
        """Whether it is there."""
        ...

    def install(self, folder: Path) -> None:
        """Fetch it; BenchError if that cannot be done here."""
        ...

    def start(self, place: Place) -> Program:
        """A ready program."""
        ...

    def aim(self, place: Place, scenario: str) -> Aim:
        """The request it takes."""
        ...


def run(command: Sequence[str | Path], *, cwd: Path | None = None, what: str) -> None:
    """A step of an installation, at low priority; BenchError with its last words."""
    try:
        subprocess.run(
            ["nice", "-n", "15", *command], check=True, cwd=cwd, capture_output=True, text=True, timeout=1800
        )
    except FileNotFoundError as error:
        raise BenchError(f"{what}: {error.filename} is not on this machine") from None
    except subprocess.CalledProcessError as error:
        raise BenchError(f"{what}: {(error.stderr or error.stdout).strip()[-400:]}") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"{what}: took more than half an hour") from None


def install_locked(folder: Path, lock: str) -> None:
    """A virtual environment with exactly the versions of the lock, as its own resolver would not find them again."""
    environment = folder / "venv"
    shutil.rmtree(environment, ignore_errors=True)
    run([_python(), "-m", "venv", environment], what=lock)
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    run([*pip, "-r", _LOCKS / f"{lock}.txt"], what=lock)


def locked_version(lock: str, package: str) -> str:
    """The version that a lock names."""
    lines = (_LOCKS / f"{lock}.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))


def _python() -> str:
    """A Python that the peers run on: they are stricter than we are."""
    for name in _PYTHONS:
        versions = Path.home() / ".pyenv" / "versions"
        pyenv = sorted(map(str, versions.glob(f"{name.removeprefix('python')}*/bin/python")))
        for candidate in filter(None, [shutil.which(name), *pyenv]):
            if (
                subprocess.run([candidate, "-c", "import venv"], capture_output=True, check=False).returncode
                == 0
            ):
                return candidate
    raise BenchError(
        "the Python peers need Python 3.12 or newer (Debian: apt-get install python3 python3-venv)"
    )
