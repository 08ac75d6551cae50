"""Statements about keys, beside the keys and outside the database."""

import os
from pathlib import Path


def remember(folder: Path, statement: str) -> None:
    """Add a statement to the folder's file, flushed to the disk."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "statements"
    with open(path, "a", encoding="utf-8", opener=_ours) as file:
        file.write(statement + "\n")
        file.flush()
        os.fsync(file.fileno())


def _ours(path: str, flags: int) -> int:
    """Nothing in a folder of keys is for others, not even what is no secret."""
    return os.open(path, flags, 0o600)
