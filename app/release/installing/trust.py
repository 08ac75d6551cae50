"""Lines for the host's own lists of what may run: fapolicyd's `path size sha256`, and sha256sum's."""

import os
from pathlib import Path

from app.audit.signing.files import replace_file
from app.release.medium import digest_of
from app.release.place import PROGRAM


def write_trust(folder: Path) -> Path:
    """Write `trust.fapolicyd` and `SHA256SUMS` for the program and its tree; the first of them."""
    files = [folder / PROGRAM, *sorted(_plain_files(folder / "rt"))]
    digests = [(path, *digest_of(path)) for path in files]
    target = folder / "trust.fapolicyd"
    replace_file(target, "".join(f"{path} {size} {sha256}\n" for path, size, sha256 in digests).encode())
    replace_file(
        folder / "SHA256SUMS", "".join(f"{sha256}  {path}\n" for path, _, sha256 in digests).encode()
    )
    return target


def _plain_files(folder: Path) -> list[Path]:
    return [
        path
        for top, _, names in os.walk(folder)
        for path in (Path(top) / name for name in names)
        if path.is_file() and not path.is_symlink()
    ]
