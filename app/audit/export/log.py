"""The sealed log in the database as the source of exports and proofs."""

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from app.audit.export import store
from app.audit.export.source import Context, Head
from app.core.errors import NotFoundError

BATCH = 2048
ROTATION = "sallyport.record/key-rotation/v1\n"


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What an export takes along that is not in the database; `statements` is asked when all rows are written."""

    witness_keys: Sequence[str] = ()
    statements: Callable[[], Sequence[bytes]] = list


NOTHING = Beside()


class SealedLog:
    """One tree up to one head. No transaction stays open: leaves never change, and drops are stated afterwards."""

    def __init__(self, pool: store.Pool, head: Head, beside: Beside) -> None:
        self.head = head
        self._pool = pool
        self._beside = beside

    async def entries(self, first: int, end: int) -> AsyncIterator[Sequence[bytes | None]]:
        """The entries of these leaves in batches; None for one that is gone."""
        for start in range(first, end, BATCH):
            stop = min(start + BATCH, end)
            async with store.connection(self._pool) as conn:
                found = await store.entries(conn, self.head.epoch, start, stop)
            batch: list[bytes | None] = [None] * (stop - start)
            for row in found:
                batch[row.leaf - start] = row.entry
            yield batch

    async def tile(self, level: int, index: int) -> bytes:
        """The hashes of a tile; nothing where it is missing, which whoever verifies will find."""
        async with store.connection(self._pool) as conn:
            return await store.tile(conn, self.head.epoch, level, index) or b""

    async def content(self, digest: str) -> bytes | None:
        """A content beside, by `sha256:` and hex."""
        async with store.connection(self._pool) as conn:
            return await store.content(conn, digest)

    async def context(self) -> Context:
        """Keys, earlier checkpoints, statements, epochs."""
        async with store.connection(self._pool) as conn:
            keys = await store.log_keys(conn)
            kept = await store.daily_checkpoints(conn, self.head.epoch, self.head.size)
            epochs = await store.epochs(conn)
        return Context(
            log_keys=[key.key for key in keys],
            witness_keys=self._beside.witness_keys,
            statements=self._beside.statements(),
            checkpoints=[(one.size, (one.note + one.lines).encode()) for one in kept],
            rotations=list(
                dict.fromkeys(key.statement for key in keys if key.statement.startswith(ROTATION))
            ),
            epochs=[msgspec.to_builtins(epoch) for epoch in epochs],
        )


async def open_log(pool: store.Pool, epoch: int | None, beside: Beside = NOTHING) -> SealedLog:
    """The tree of this number, or the newest, up to its newest checkpoint; NotFoundError if there is none."""
    async with store.connection(pool) as conn:
        known = await store.epochs(conn)
        wanted = [one for one in known if epoch in (None, one.epoch)]
        found = await store.head(conn, wanted[-1].epoch) if wanted else None
        if found is None:
            raise NotFoundError(
                "Nothing of the record is sealed yet."
                if epoch is None
                else f"The record has no epoch {epoch}.",
                remedy="A serving site seals its record every second: start it, then try again.",
            )
        lines = await store.cosigned(conn, wanted[-1].epoch, found.size)
    head = Head(
        epoch=wanted[-1].epoch,
        origin=wanted[-1].origin,
        size=found.size,
        root=found.root,
        note=(found.note + lines).encode(),
    )
    return SealedLog(pool, head, beside)
