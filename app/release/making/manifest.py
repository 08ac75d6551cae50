"""The manifest of a folder: every file in it, and the list that sha256sum checks."""

import os
from pathlib import Path

from app.core.canonical import canonical
from app.core.errors import InputError
from app.release.manifest import Item, Manifest, Schema, parse_manifest
from app.release.medium import digest_of

SUMS = "SHA256SUMS"
_OURS = ("manifest.json", "manifest.note", SUMS)
_ASIDE = ("keysets", "signatures")
"""Folders of a medium that come after the manifest."""


def write_manifest(
    folder: Path,
    *,
    name: str,
    kind: str,
    version: str,
    number: int,
    minimum: int = 0,
    program: str = "",
    schema: Schema | None = None,
) -> Manifest:
    """List the files of `folder` in a new manifest.json and SHA256SUMS beside them."""
    items = tuple(_item(folder, path) for path in _files(folder))
    manifest = Manifest(
        name=name,
        kind=kind,
        version=version,
        number=number,
        minimum=minimum,
        files=items,
        program=program,
        schema=schema,
    )
    data = canonical(manifest) + b"\n"
    parse_manifest(data)
    (folder / "manifest.note").unlink(missing_ok=True)
    (folder / "manifest.json").write_bytes(data)
    listed = [*items, _item(folder, folder / "manifest.json")]
    (folder / SUMS).write_text("".join(f"{item.sha256}  {item.path}\n" for item in listed), encoding="ascii")
    return manifest


def _files(folder: Path) -> list[Path]:
    found = []
    for top, folders, names in os.walk(folder):
        if Path(top) == folder:
            folders[:] = [name for name in folders if name not in _ASIDE]
            names = [name for name in names if name not in _OURS]  # noqa: PLW2901 - what is listed of this folder
        found += [Path(top) / name for name in names]
    return sorted(found)


def _item(folder: Path, path: Path) -> Item:
    if path.is_symlink() or not path.is_file():
        raise InputError(f"{path} is not a plain file.", remedy="A medium holds plain files only.")
    size, sha256 = digest_of(path)
    return Item(path=str(path.relative_to(folder)), bytes=size, sha256=sha256)
