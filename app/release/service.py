"""Who starts and stops the server: systemd, or a person who is told."""

import os
import subprocess
from pathlib import Path
from typing import Protocol

from app.core.errors import ReleaseError

_SECONDS = 180.0


class Service(Protocol):
    """The server as a service manager sees it."""

    @property
    def told(self) -> bool:
        """Whether somebody else starts and stops it, and has to be told."""
        ...

    def stop(self) -> None:
        """End it and wait until it has ended."""
        ...

    def start(self) -> None:
        """Start it; does not wait until it is ready. ReleaseError when it cannot be started."""
        ...


class Systemd:
    """A unit of systemd, of the system or of a user."""

    def __init__(self, unit: str, *, user: bool) -> None:
        self._unit = unit
        self._scope = ["--user"] if user else []

    @property
    def told(self) -> bool:
        """systemd does it."""
        return False

    def stop(self) -> None:
        """Stop it, and the retries of one that fails."""
        self._ask("stop", self._unit)

    def start(self) -> None:
        """Start it, without waiting for it to be ready and in spite of earlier failures."""
        self._ask("reset-failed", self._unit, may_fail=True)
        self._ask("restart", "--no-block", self._unit)

    def reload(self) -> None:
        """Let systemd read its unit files again."""
        self._ask("daemon-reload")

    def enable(self) -> None:
        """Start it with the host."""
        self._ask("enable", self._unit)

    def disable(self) -> None:
        """Do not start it with the host any more, and stop it."""
        self._ask("disable", "--now", self._unit, may_fail=True)

    def _ask(self, *words: str, may_fail: bool = False) -> None:
        try:
            done = subprocess.run(
                ["systemctl", *self._scope, *words], capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReleaseError(f"systemctl {' '.join(words)}: {error}.") from None
        if done.returncode and not may_fail:
            said = done.stderr.decode("utf-8", "replace").strip()[-300:]
            raise ReleaseError(f"systemctl {' '.join(words)} failed: {said}")


class ByHand:
    """A server that a person, or another service manager, starts and stops."""

    @property
    def told(self) -> bool:
        """Somebody has to be told."""
        return True

    def stop(self) -> None:
        """Not ours to stop."""

    def start(self) -> None:
        """Not ours to start."""


def service_of(unit: str, scope: str) -> Service:
    """The service of an installation."""
    return Systemd(unit, user=scope == "user") if unit and scope else ByHand()


def serving_program(data: Path) -> Path | None:
    """The program that serves a data folder at this moment, by who holds its lock; None when that cannot be seen."""
    try:
        lock = (data / "serve.lock").stat()
        wanted = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if "FLOCK" in words and wanted in words:
                holder = words[words.index(wanted) - 1]
                return Path(f"/proc/{holder}/exe").readlink()
    except (OSError, ValueError):
        pass
    return None


def is_served(data: Path) -> bool:
    """Whether a server holds the data folder."""
    return serving_program(data) is not None
