"""Statements about keys, beside the keys and outside the database."""

import os
from pathlib import Path


def remember(folder: Path, statement: str) -> None:
    """Add a statement to the folder's file, flushed to the disk."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "statements").open("a", encoding="utf-8") as file:
        file.write(statement + "\n")
        file.flush()
        os.fsync(file.fileno())
