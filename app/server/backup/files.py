"""What of a data folder goes into a backup, by kind; each kind can be left out."""

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from app.backup.parts import allowed
from app.core.errors import InputError

KINDS = ("record-keys", "subjects-key", "master-key", "other-keys", "certificates", "settings")
"""What may be left out; the signed heads and statements of the record never are."""

_FOLDERS = ("keys", "tls", "record", "profile.d")
_NEVER = frozenset({"keys/database", "serve.lock", "postgres.lock", "control"})
_MOST = 20_000


class SiteFile(msgspec.Struct, frozen=True):
    """A file of the data folder: its name there, and the kind it is of."""

    name: str
    path: Path
    kind: str


def site_files(folder: Path) -> list[SiteFile]:
    """Every file that makes up the site beside the database; InputError when one cannot be carried."""
    found = []
    for path in sorted(_walk(folder)):
        name = str(path.relative_to(folder))
        if name in _NEVER or any(part.startswith(".") for part in Path(name).parts):
            continue
        if not allowed(f"site/{name}"):
            raise InputError(
                f"{path} has a name that a backup cannot carry.", remedy="Rename it, or move it elsewhere."
            )
        found.append(SiteFile(name, path, kind_of(name)))
        if len(found) > _MOST:
            raise InputError(
                f"{folder} has too many files.", remedy="Move what is not Sallyport's elsewhere."
            )
    return found


def kind_of(name: str) -> str:
    """The kind of a file, by its name in the data folder."""
    if name == "keys/record/subjects":
        return "subjects-key"
    if name.startswith("keys/record/"):
        return "record-keys"
    if name == "keys/master.key":
        return "master-key"
    if name.startswith("keys/"):
        return "other-keys"
    if name.startswith("tls/"):
        return "certificates"
    return "record" if name.startswith("record/") else "settings"


def split(files: list[SiteFile], left_out: Collection[str]) -> tuple[list[SiteFile], list[SiteFile]]:
    """Those that go into the backup, and those that do not."""
    unknown = set(left_out) - set(KINDS)
    if unknown:
        raise InputError(f"{min(unknown)!r} cannot be left out.", remedy=f"Choose of {', '.join(KINDS)}.")
    return [one for one in files if one.kind not in left_out], [one for one in files if one.kind in left_out]


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files at the top and in the site's own folders; links are not followed."""
    yield from (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    for name in _FOLDERS:
        yield from (path for path in (folder / name).rglob("*") if path.is_file() and not path.is_symlink())
