"""Which program a tool server is, as far as it can be known: the digest of the file that holds its code."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

_INTERPRETERS = ("python", "node", "deno", "bun", "bash", "sh", "perl", "ruby", "java", "php", "uv", "env")
_CODE_ELSEWHERE = ("-m", "-c", "-e", "-p", "--eval")
"""Options after which there is code, or the name of it, in place of a file."""
_SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_Stamp = tuple[int, int, int, int]


class Programs:
    """Digests of program files, read again only when a file changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp, str]] = {}

    def digest(self, command: Sequence[str], *, folder: str = "") -> dict[str, str]:
        """Path to `sha256:…` of the script an interpreter runs, or else of the executable; empty if unknown.

        An interpreter itself is left out: it belongs to the host and changes with its updates.
        """
        if not command:
            return {}
        found = shutil.which(command[0], path=_SEARCH) or command[0]
        files = [Path(found)]
        if _interprets(found):
            files = _script(command[1:], Path(folder or "."))
        return {str(path): told for path in files if (told := self._of(path))}

    def _of(self, path: Path) -> str:
        try:
            real = path.resolve(strict=True)
            with real.open("rb") as file:
                stat = os.fstat(file.fileno())
                stamp = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
                known = self._known.get(real)
                if known is None or known[0] != stamp:
                    known = (stamp, "sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
                    self._known[real] = known
        except OSError:
            return ""
        return known[1]


def _script(arguments: Sequence[str], base: Path) -> list[Path]:
    """The file that holds the code: the first word that is no option. Files after it are data, which may change."""
    for word in arguments:
        if word in _CODE_ELSEWHERE:
            return []
        if not word.startswith("-"):
            return [base / word] if (base / word).is_file() else []
    return []


def _interprets(program: str) -> bool:
    name = Path(program).name.rstrip("0123456789.")
    return name in _INTERPRETERS
