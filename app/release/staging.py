"""A release from a medium to its folder: may it follow, is every byte the one that was signed, does it pass its selftest.

Until a folder holds release.json it does not count, and nothing that serves is touched.
"""

import os
import secrets
import shutil
from pathlib import Path

from app.core import crash
from app.core.errors import ConflictError, ReleaseError, SallyportError
from app.release.installing.trust import write_trust
from app.release.manifest import RELEASE, Manifest, Schema
from app.release.medium import Medium, copy_files, digest_of, sync_folders
from app.release.place import PROGRAM, Place, Release
from app.release.programs import unpack_and_check
from app.release.trust import Believed

_ROOM = 3.5
"""Space that a release takes, in sizes of its files: the file, its tree, and some to spare."""


def check_follows(place: Place, manifest: Manifest, sha256: str) -> None:
    """ReleaseError when this release may not follow the one that is installed."""
    current = place.release(place.linked("current"))
    seen = place.seen()
    if manifest.kind != RELEASE or manifest.schema is None:
        raise ReleaseError("The medium holds no release.")
    if manifest.number == current.number:
        raise ConflictError(
            f"Release {manifest.number} is what is installed.", remedy="There is nothing to do."
        )
    if manifest.number < max(seen.highest, current.number):
        raise ReleaseError(
            f"Release {manifest.number} is older than {max(seen.highest, current.number)}, which was here already.",
            remedy="To go back to the release before, use `sallyport update rollback`.",
        )
    if manifest.number == seen.highest and seen.manifest not in ("", sha256):
        raise ReleaseError(
            f"Another release {manifest.number} was here before: two media have one number.",
            remedy="Ask the makers which of them is theirs, and install neither before that.",
        )
    if current.number < manifest.minimum:
        raise ReleaseError(
            f"Release {manifest.number} follows {manifest.minimum} or newer; {current.number} is installed.",
            remedy=f"Install release {manifest.minimum} first.",
        )
    if not manifest.schema.first <= current.schema.last <= manifest.schema.last:
        raise ReleaseError(
            f"The database has schema {current.schema.last}; the new release opens {manifest.schema.first}"
            f" to {manifest.schema.last}.",
            remedy="Install a release between them first.",
        )


def stage(place: Place, medium: Medium, believed: Believed) -> Path:
    """Copy the medium into `incoming` and verify the copies; ReleaseError leaves nothing behind."""
    manifest = believed.verified.manifest
    size = sum(item.bytes for item in manifest.files)
    system = os.statvfs(place.incoming)
    if system.f_bavail * system.f_frsize < size * _ROOM:
        raise ReleaseError(
            f"{place.root} has not enough space: {int(size * _ROOM)} bytes are needed.",
            remedy="Make room; nothing was changed.",
        )
    folder = place.incoming / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    try:
        copy_files(medium, manifest, folder)
        _keep(folder, "manifest.json", believed.verified.data)
        _keep(folder, "manifest.note", believed.verified.note)
        sync_folders(folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ReleaseError(
            f"The medium cannot be staged in {folder} ({error.strerror}).", remedy="Nothing was changed."
        ) from None
    except SallyportError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if __debug__:
        crash.at("update.after_stage")
    return folder


def _keep(folder: Path, name: str, data: bytes) -> None:
    with (folder / name).open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def install_files(place: Place, staged: Path, program: str) -> None:
    """Give a staged medium the shape of a release folder: the program, and everything else in `medium/`."""
    inner = staged.with_name(f"{staged.name}.release")
    inner.mkdir(mode=0o755)
    (staged / program).rename(inner / PROGRAM)
    staged.chmod(0o755)
    staged.rename(inner / "medium")
    sync_folders(inner)


def place_release(place: Place, staged: Path, believed: Believed) -> str:
    """Move a staged release to its folder, unpack and check it there, and say that it is whole."""
    verified = believed.verified
    manifest = verified.manifest
    folder = place.releases / manifest.folder
    if folder.exists():
        shutil.rmtree(folder)
    install_files(place, staged, manifest.program)
    staged.with_name(f"{staged.name}.release").rename(folder)
    sync_folders(place.releases)
    if __debug__:
        crash.at("update.after_place")
    try:
        unpack_and_check(place, manifest.folder)
        seal_release(place, manifest.folder, manifest, verified.sha256)
    except (SallyportError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return manifest.folder


def seal_release(place: Place, folder: str, manifest: Manifest, sha256: str) -> None:
    """Write release.json: from now on the folder counts as whole."""
    made = Release(
        version=manifest.version,
        number=manifest.number,
        sha256=manifest.item.sha256,
        manifest=sha256,
        schema=manifest.schema or Schema(first=1, last=1),
    )
    if digest_of(place.program(folder))[1] != made.sha256:
        raise ReleaseError(f"{place.program(folder)} changed while it was installed.")
    write_trust(place.releases / folder)
    place.save(place.releases / folder / "release.json", made)
