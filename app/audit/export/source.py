"""What a log can be asked for an export; the database is one such log, tests have others."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint that an export rests on."""

    origin: str
    size: int
    root: bytes
    note: bytes
    epoch: int = 1


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What travels with the rows: verifier keys, earlier checkpoints by size, statements, rotations, epochs."""

    log_keys: Sequence[str]
    witness_keys: Sequence[str] = ()
    checkpoints: Sequence[tuple[int, bytes]] = ()
    statements: Sequence[bytes] = ()
    rotations: Sequence[str] = ()
    epochs: Sequence[dict[str, object]] = ()


class Source(Protocol):
    """A sealed log."""

    def entries(self, first: int, end: int) -> AsyncIterator[Sequence[bytes | None]]:
        """The entries of these leaves in batches; None for one that was dropped."""
        ...

    async def tile(self, level: int, index: int) -> bytes:
        """The hashes of a tile, perhaps more than the head's size asks for."""
        ...

    async def content(self, digest: str) -> bytes | None:
        """A content beside, by `sha256:` and hex."""
        ...

    async def context(self) -> Context:
        """Asked last, so that a drop during the export is among the statements."""
        ...
