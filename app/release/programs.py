"""What is asked of the program of a release: unpack and check itself, back the site up, put the backup back."""

import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.core.errors import ReleaseError
from app.release.place import Place

_CHECK_SECONDS = 300.0
_BACKUP_SECONDS = 24 * 3600.0
_SAID = 600


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """install.json: the site that is served from here, and by whom."""

    data: str = ""
    profile: str = ""
    user: str = ""
    unit: str = ""
    scope: str = ""
    """`system` or `user` when systemd starts the server, else empty."""

    def options(self) -> list[str]:
        """The options that name the site on a command line."""
        given = [("--data", self.data), ("--profile", self.profile)]
        return [word for name, value in given if value for word in (name, value)]


def unpack_and_check(place: Place, folder: str) -> None:
    """Let a release unpack itself beside its file and import every part of itself."""
    environment = {"SALLYPORT_RUNTIME_DIR": str(place.releases / folder / "rt")}
    _run(
        place,
        folder,
        ["selftest"],
        seconds=_CHECK_SECONDS,
        more=environment,
        what="does not pass its selftest",
    )


def back_up(place: Place, folder: str, site: Installed, target: Path) -> None:
    """Let a release write a backup of its site, under a passphrase that only this prefix has."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    secret = passphrase(place)
    words = ["backup", "--output", str(target), "--passphrase-file", str(secret), *site.options()]
    _run(place, folder, words, seconds=_BACKUP_SECONDS, what="cannot make a backup")


def put_back(place: Place, folder: str, site: Installed, backup: Path) -> None:
    """Let a release replace its site by a backup."""
    words = [
        "restore",
        str(backup),
        "--replace",
        "--passphrase-file",
        str(passphrase(place)),
        *site.options(),
    ]
    _run(place, folder, words, seconds=_BACKUP_SECONDS, what="cannot put the backup back")


def passphrase(place: Place) -> Path:
    """The file with the passphrase of backups made before updates; made once."""
    path = place.state / "backup-passphrase"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return path


def _run(
    place: Place,
    folder: str,
    words: Sequence[str],
    *,
    seconds: float,
    what: str,
    more: dict[str, str] | None = None,
) -> None:
    program = place.program(folder)
    inherited = {name: os.environ[name] for name in ("HOME", "PATH", "XDG_RUNTIME_DIR") if name in os.environ}
    try:
        done = subprocess.run(
            [program, *words],
            env=inherited | (more or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseError(f"{program} {what}: {error}.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-_SAID:]
        raise ReleaseError(f"{program} {what} (exit code {done.returncode}): {said}")
