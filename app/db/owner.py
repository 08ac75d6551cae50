"""Who the embedded PostgreSQL runs as: ourselves, or an unprivileged user when we are root."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import DatabaseError

_CANDIDATES = ("sallyport", "postgres", "nobody")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The user of the server process; `change` is False when it is ourselves."""

    name: str
    uid: int
    gid: int
    change: bool

    def own(self, path: Path) -> None:
        """Give the path to this user."""
        if self.change:
            os.chown(path, self.uid, self.gid)

    def spawn(self) -> dict[str, Any]:
        """Arguments for subprocess: identity, a clean environment, a folder that exists for everybody."""
        options: dict[str, Any] = {"env": _ENVIRONMENT, "cwd": "/", "umask": 0o077}
        if self.change:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def reaches(self, path: Path) -> bool:
        """Whether this user may read and pass through the path."""
        test = ["/bin/sh", "-c", 'test -r "$1" && { ! test -d "$1" || test -x "$1"; }', "sh", str(path)]
        return subprocess.run(test, check=False, **self.spawn()).returncode == 0

    def require_reach(self, path: Path) -> None:
        """DatabaseError unless this user can reach the folder."""
        if self.change and not self.reaches(path):
            raise DatabaseError(
                f"PostgreSQL must not run as root, and the user {self.name} cannot reach {path}.",
                remedy="Choose a --data folder whose parents may be passed through, such as /var/lib/sallyport.",
            )


def server_owner(folder: Path) -> Owner:
    """Ourselves; as root the folder's owner if it is not root, else a user made for such work."""
    if os.geteuid() != 0:
        return Owner(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), change=False)
    if folder.exists() and folder.stat().st_uid != 0:
        status = folder.stat()
        return Owner(name=str(status.st_uid), uid=status.st_uid, gid=status.st_gid, change=True)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(name=name, uid=entry.pw_uid, gid=entry.pw_gid, change=True)
    return Owner(name="65534", uid=65534, gid=65534, change=True)


def reachable_home(home: Path, *, owner: Owner, spare: Path) -> Path:
    """The binaries, copied once beside the cluster when the server's user cannot reach them where they are."""
    if not owner.change or owner.reaches(home / "bin" / "postgres"):
        return home
    complete = spare / ".complete"
    if not complete.exists() or complete.read_text(encoding="utf-8") != str(home):
        shutil.rmtree(spare, ignore_errors=True)
        shutil.copytree(home, spare, symlinks=True)
        for path in (spare, *spare.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
                owner.own(path)
        complete.write_text(str(home), encoding="utf-8")
    return spare
