"""Data that travels by itself: `data/bundles/KIND/NUMBER/`, of which the newest whole one holds."""

import logging
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.audit.signing.files import replace_file
from app.core import crash
from app.core.canonical import canonical
from app.core.errors import ConflictError, ReleaseError, SallyportError
from app.release.manifest import BUNDLES, Manifest, parse_manifest
from app.release.medium import Medium, copy_files, digest_of, sync_folders
from app.release.trust import Believed

log = logging.getLogger(__name__)
_KEPT = 3


class Highest(msgspec.Struct, frozen=True, kw_only=True):
    """The highest number of each kind that was ever taken in."""

    numbers: dict[str, int] = {}


def folder_of(data: Path) -> Path:
    """Where a site keeps bundles."""
    return data / "bundles"


def check_bundle(data: Path, manifest: Manifest) -> None:
    """ReleaseError when this bundle may not follow what the site has."""
    if manifest.kind not in BUNDLES:
        raise ReleaseError("The medium holds a release, not a bundle of data.")
    highest = _highest(data).numbers.get(manifest.kind, 0)
    if manifest.number < highest:
        raise ReleaseError(
            f"{manifest.kind} {manifest.number} is older than {highest}, which was here already.",
            remedy="Use the newest medium.",
        )
    if manifest.number == highest and (folder_of(data) / manifest.kind / str(highest)).exists():
        raise ConflictError(f"{manifest.kind} {highest} is here already.", remedy="There is nothing to do.")


def take_in(data: Path, medium: Medium, believed: Believed, *, readable: Callable[[str, Path], None]) -> Path:
    """Verify a copy of the bundle and put it in its place in one step; the folder.

    `readable` raises when the program could not use it.
    """
    manifest = believed.verified.manifest
    check_bundle(data, manifest)
    kind = folder_of(data) / manifest.kind
    kind.mkdir(mode=0o755, parents=True, exist_ok=True)
    _own_as(data, folder_of(data), kind)
    staged = kind / f".{secrets.token_hex(8)}"
    staged.mkdir(mode=0o755)
    try:
        copy_files(medium, manifest, staged)
        readable(manifest.kind, staged)
        (staged / "manifest.json").write_bytes(believed.verified.data)
        (staged / "manifest.note").write_bytes(believed.verified.note)
        _own_as(data, staged, *staged.rglob("*"))
        sync_folders(staged)
        if __debug__:
            crash.at("bundle.after_stage")
        target = kind / str(manifest.number)
        staged.rename(target)
    except OSError as error:
        raise ReleaseError(
            f"The bundle cannot be taken in ({error.strerror}).", remedy="Nothing was changed."
        ) from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    sync_folders(kind)
    if __debug__:
        crash.at("bundle.after_place")
    numbers = _highest(data).numbers | {manifest.kind: manifest.number}
    replace_file(folder_of(data) / "highest.json", canonical(Highest(numbers=numbers)))
    _own_as(data, folder_of(data) / "highest.json")
    _prune(kind)
    return target


def newest(data: Path, kind: str) -> Path | None:
    """The newest bundle of a kind whose files are as they were signed; a damaged one is passed over and logged."""
    for folder in reversed(_numbered(folder_of(data) / kind)):
        try:
            _check_whole(folder, kind)
        except (SallyportError, OSError) as error:
            log.error("the bundle %s is passed over: %s", folder, error)
            continue
        return folder
    return None


def held(data: Path) -> dict[str, int]:
    """The number of the newest bundle of each kind that is there."""
    found = {kind: newest(data, kind) for kind in BUNDLES}
    return {kind: int(folder.name) for kind, folder in found.items() if folder is not None}


def _check_whole(folder: Path, kind: str) -> None:
    """Signatures were verified when it was taken in; here it is compared with what was signed then."""
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    if (manifest.kind, str(manifest.number)) != (kind, folder.name):
        raise ReleaseError("it is not the bundle that its folder's name says")
    for item in manifest.files:
        if digest_of(folder / item.path) != (item.bytes, item.sha256):
            raise ReleaseError(f"{item.path} is not as it was signed")


def _numbered(kind: Path) -> list[Path]:
    if not kind.is_dir():
        return []
    return sorted((path for path in kind.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))


def _prune(kind: Path) -> None:
    for folder in (*_numbered(kind)[:-_KEPT], *kind.glob(".*")):
        shutil.rmtree(folder, ignore_errors=True)


def _highest(data: Path) -> Highest:
    try:
        return msgspec.json.decode((folder_of(data) / "highest.json").read_bytes(), type=Highest)
    except FileNotFoundError:
        return Highest()
    except msgspec.MsgspecError:
        raise ReleaseError(
            f"{folder_of(data) / 'highest.json'} is damaged.", remedy="Put it back from a backup."
        ) from None


def _own_as(data: Path, *paths: Path) -> None:
    """Whoever owns the data folder owns what is in it, also when root put it there."""
    if os.geteuid() == 0:
        owner = data.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
