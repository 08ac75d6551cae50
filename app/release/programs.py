"""What is asked of the program of a release: unpack and check itself, back the site up, put the backup back."""

import os
import pwd
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.audit.signing.files import replace_file
from app.core import jsonsafe
from app.core.errors import ReleaseError, SallyportError
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
    _run(place.program(folder), ["selftest"], what="does not pass its selftest", more=environment)


def backup_file(place: Place, number: int) -> Path:
    """Where the backup before a release goes."""
    return _backups(place) / f"before-{number}.age"


def back_up(place: Place, folder: str, site: Installed, target: Path) -> None:
    """Let a release write a backup of its site, under a passphrase that only this prefix has."""
    secret = _passphrase(place, site)
    target.unlink(missing_ok=True)
    words = ["backup", "--output", str(target), "--passphrase-file", str(secret), *site.options()]
    _run(place.program(folder), words, what="cannot make a backup", seconds=_BACKUP_SECONDS, user=site.user)


def put_back(place: Place, folder: str, site: Installed, backup: Path, *, reason: str) -> None:
    """Let a release replace its site by a backup, and declare that to the record."""
    program, what = place.program(folder), "cannot put the backup back"
    words = ["restore", str(backup), "--passphrase-file", str(_passphrase(place, site)), *site.options()]
    told = _run(program, [*words, "--check", "--json"], what=what, seconds=_BACKUP_SECONDS, user=site.user)
    try:
        name = jsonsafe.decode_object(told).get("origin") or Path(site.data).name
    except SallyportError:
        raise ReleaseError(f"{program} {what}: it does not say of which site the backup is.") from None
    words += ["--replace", str(name), "--reason", reason]
    _run(program, words, what=what, seconds=_BACKUP_SECONDS, user=site.user)


def _backups(place: Place) -> Path:
    return place.state / "backups"


def _passphrase(place: Place, site: Installed) -> Path:
    """The file with the passphrase of backups made before updates, made once; the site's user may read it."""
    folder = _backups(place)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "passphrase"
    if not path.exists():
        replace_file(path, f"{secrets.token_hex(32)}\n".encode("ascii"), mode=0o600)
    if os.geteuid() == 0 and site.user:
        owner = pwd.getpwnam(site.user)
        for owned in (folder, path):
            os.chown(owned, owner.pw_uid, owner.pw_gid)
    return path


def _run(
    program: Path,
    words: Sequence[str],
    *,
    what: str,
    seconds: float = _CHECK_SECONDS,
    more: dict[str, str] | None = None,
    user: str = "",
) -> bytes:
    """What the program prints; as root, it runs as `user` where one is named."""
    inherited = {name: os.environ[name] for name in ("HOME", "PATH", "XDG_RUNTIME_DIR") if name in os.environ}
    become: dict[str, Any] = {}
    if user and os.geteuid() == 0:
        become = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    try:
        done = subprocess.run(
            [program, *words],
            env=inherited | (more or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            timeout=seconds,
            check=False,
            **become,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseError(f"{program} {what}: {error}.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-_SAID:]
        raise ReleaseError(f"{program} {what} (exit code {done.returncode}): {said}")
    return done.stdout
