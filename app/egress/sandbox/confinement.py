"""What one program may do, as a value; and the user that is its own."""

import hashlib
import pwd
from pathlib import Path

import msgspec

from app.core.errors import ConfigError

_FIRST_USER = 2_000_000_000
"""Numbers that neither distributions, systemd nor container runtimes give to anybody."""
_MIB = 1024 * 1024
_WIDE = frozenset({"/", "/home", "/root", "/tmp", "/var", "/var/tmp", "/srv", "/etc", "/usr", "/opt"})  # noqa: S108 - named so that they are not granted


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Each 0 means: no limit. Memory is counted for each process by the kernel, for all of them by the supervisor."""

    memory_mb: int = 1024
    processes: int = 256
    files: int = 1024
    file_mb: int = 1024
    cpu_percent: int = 0
    """Of one core."""

    def rlimits(self) -> dict[str, int]:
        """By the names of setrlimit(2); address space is left alone, because interpreters reserve much of it."""
        wanted = {
            "data": self.memory_mb * _MIB,
            "nproc": self.processes,
            "nofile": self.files,
            "fsize": self.file_mb * _MIB,
        }
        return {"core": 0, **{name: value for name, value in wanted.items() if value}}


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """`hide` is the data folder; `user` and `group` are numbers, -1 for Sallyport's own."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: bool = False
    hide: str = ""
    user: int = -1
    group: int = -1
    limits: Limits = Limits()
    required: bool = False
    """Refuse to start rather than leave out a measure."""


def own_user(data: Path, name: str) -> int:
    """A number for one program of one site, so that it can neither read nor signal another."""
    digest = hashlib.sha256(f"{data}\0{name}".encode()).digest()
    return _FIRST_USER + int.from_bytes(digest[:3], "big")


def named_user(name: str) -> tuple[int, int]:
    """Number and group of a user of this host."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(
            f"mcp.user: there is no user {name!r} on this host.",
            remedy="Make it (useradd --system), or leave mcp.user empty for a user of its own for each program.",
        ) from None
    return entry.pw_uid, entry.pw_gid


def named_files(command: tuple[str, ...], *, hide: str) -> list[str]:
    """Files and folders that the arguments name, and the folder of a script: what a program cannot do without."""
    found: list[str] = []
    for number, word in enumerate(command[1:]):
        path = Path(word)
        if not path.is_absolute() or not path.exists() or (hide and path.is_relative_to(hide)):
            continue
        if path.is_file() or not _wide(path):
            found.append(word)
        if number == 0 and path.is_file() and not _wide(path.parent):
            found.append(str(path.parent))
    return found


def _wide(folder: Path) -> bool:
    """Whether a folder holds what belongs to many, so that naming something in it says nothing about the rest."""
    folder = folder.resolve()
    return str(folder) in _WIDE or str(folder.parent) == "/home"
