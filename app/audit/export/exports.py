"""Asking for an export: which rows, where to, and waiting until what is committed now is sealed."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from app.audit.export import store
from app.audit.export.bundle import Asked, Bundle, Reveal, Sign
from app.audit.export.folder import Folder
from app.audit.export.log import Beside, SealedLog, open_log
from app.audit.export.manifest import Manifest
from app.core.clock import Clock
from app.core.errors import InputError

_LISTED = 100


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: by time (`until` excluded) or by leaf (`end` excluded) of one epoch; all without either."""

    epoch: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    first: int | None = None
    end: int | None = None
    wait: float = 5.0

    def words(self) -> dict[str, Any]:
        """As the manifest repeats it."""
        given = {"since": self.since, "until": self.until, "from_leaf": self.first, "to_leaf": self.end}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in given.items()
            if value is not None
        }


class Exports:
    """Writes exports; the caller has been admitted for `audit.read`. `boot` is this process's own writer."""

    def __init__(self, *, pool: store.Pool, clock: Clock, boot: UUID, beside: Beside) -> None:
        self._pool = pool
        self._clock = clock
        self._boot = boot
        self._beside = beside

    async def export(
        self,
        path: Path,
        wanted: Wanted,
        *,
        signer: Callable[[], Sign | None],
        reveal: Reveal | None = None,
        progress: Callable[[int, int], None],
    ) -> Manifest:
        """Write the folder; InputError if it is there or the range is none. `signer` is asked once the log is there."""
        folder = Folder(path)
        try:
            unsealed = await self._unsealed(wanted.wait)
            log = await open_log(self._pool, wanted.epoch, self._beside)
            first, end = await self._range(log, wanted)
            asked = Asked(
                first=first,
                end=end,
                words=wanted.words(),
                made=self._clock.now().isoformat(timespec="seconds"),
                unsealed=unsealed,
                sign=signer(),
                reveal=reveal,
                progress=lambda done: progress(done, end - first),
            )
            manifest = await Bundle(folder, log, log.head, asked).write()
            await asyncio.to_thread(folder.finish)
        except BaseException:
            folder.discard()
            raise
        return manifest

    async def _unsealed(self, wait: float) -> dict[str, Any]:
        """Rows that are committed and still not sealed after the wait, by writer."""
        deadline = self._clock.monotonic() + wait
        while True:
            async with store.connection(self._pool) as conn:
                found = await store.unsealed(conn, but=self._boot, limit=_LISTED)
            if not found or self._clock.monotonic() >= deadline:
                break
            await asyncio.sleep(0.1)
        if not found:
            return {}
        return {
            "rows": sum(one.last + 1 - one.first for one in found),
            "boots": [msgspec.to_builtins(one) for one in found],
        }

    async def _range(self, log: SealedLog, wanted: Wanted) -> tuple[int, int]:
        size = log.head.size
        if wanted.since is None and wanted.until is None:
            first, end = wanted.first or 0, size if wanted.end is None else wanted.end
            if not 0 <= first <= end <= size:
                raise InputError(
                    f"The log has leaves 0 to {size}; {first} to {end} is no range of it.",
                    remedy="--to-leaf is the leaf after the last.",
                )
            return first, end
        if wanted.first is not None or wanted.end is not None:
            raise InputError("Give times or leaves, not both.", remedy="Leave one of them out.")
        async with store.connection(self._pool) as conn:
            span = await store.leaves_between(conn, log.head.epoch, wanted.since, wanted.until)
        if span is None or span.first is None or span.end is None:
            return 0, 0
        return span.first, min(span.end, size)
