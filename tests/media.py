"""Makers of media: holders with keys, keysets, and signed folders of fakes."""

import time
from pathlib import Path
from typing import Any

from app.audit.signing.keys import new_signers
from app.audit.tlog.signing import SeedSigner
from app.core.canonical import canonical
from app.release.keyset import Keyset
from app.release.making.manifest import write_manifest
from app.release.making.sign import sign_keyset, sign_medium
from app.release.manifest import Manifest, Schema
from tests.simulators.release_file import write_release


class Makers:
    """Three holders of whom two must sign, unless said otherwise."""

    def __init__(self, *holders: str, threshold: int = 2, number: int = 1, **members: Any) -> None:
        names = holders or ("ada", "bob", "eve")
        self.signers: dict[str, list[SeedSigner]] = {name: new_signers(name) for name in names}
        self.threshold, self.number, self.members = threshold, number, members

    @property
    def keyset(self) -> Keyset:
        """Their keyset."""
        keys = {name: tuple(str(signer.key) for signer in signers) for name, signers in self.signers.items()}
        return Keyset(
            kind="keyset",
            name="sallyport",
            number=self.number,
            threshold=self.threshold,
            holders=keys,
            **self.members,
        )

    def write_keyset(self, path: Path, *others: "Makers") -> Path:
        """Its file, signed by all of these makers and all of others."""
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(canonical(self.keyset) + b"\n")
        for makers in (self, *others):
            for signers in makers.signers.values():
                sign_keyset(path, signers, seconds=int(time.time()))
        return path

    def sign(self, folder: Path, *names: str) -> None:
        """Let these holders sign, or the first two."""
        for name in names or list(self.signers)[:2]:
            sign_medium(folder, self.signers[name], seconds=int(time.time()))

    def release(
        self, folder: Path, number: int, *, minimum: int = 0, first: int = 1, **behaviour: Any
    ) -> Path:
        """A signed medium with a release whose program does as told."""
        folder.mkdir()
        version = f"0.{number}.0"
        schema = behaviour.setdefault("schema", 1)
        write_release(folder / "sallyport", version=version, **behaviour)
        (folder / "docs").mkdir()
        (folder / "docs" / "notes.md").write_text("What is new.\n")
        self.list_files(
            folder, number, version=version, minimum=minimum, schema=Schema(first=first, last=schema)
        )
        self.sign(folder)
        return folder

    def list_files(self, folder: Path, number: int, **members: Any) -> Manifest:
        """Write the manifest of a folder."""
        given = {"kind": "release", "program": "sallyport", "schema": Schema(first=1, last=1)} | members
        return write_manifest(folder, name="sallyport", number=number, **given)

    def bundle(self, folder: Path, number: int, *, kind: str, files: dict[str, str]) -> Path:
        """A signed medium with data."""
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        self.list_files(folder, number, version=f"2026-{number}", kind=kind, program="", schema=None)
        self.sign(folder)
        return folder
