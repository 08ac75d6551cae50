"""The master keys that this process holds, taken from their source when the database names one that is missing."""

import asyncio
from collections.abc import Sequence

from app.core.canonical import canonical
from app.core.errors import BoxError, MasterKeyError
from app.extensions import KnownKey, MasterKey, MasterKeySource
from app.secrets.records import KeyRow


class Keyring:
    """`source_name` is what the database and messages call the source."""

    def __init__(self, source: MasterKeySource, *, source_name: str) -> None:
        self._source = source
        self.source_name = source_name
        self._held: dict[str, MasterKey] = {}

    def find(self, key_id: str) -> MasterKey | None:
        """A key that is held."""
        return self._held.get(key_id)

    async def ready(self) -> None:
        """At a first run, while nothing is sealed yet."""
        await asyncio.to_thread(self._source.ready)

    async def load(self, rows: Sequence[KeyRow]) -> None:
        """Hold what these rows need: from the source, or handed over in a box of a key that is held."""
        needed = [row for row in rows if row.state != "retired"]
        if all(row.id in self._held for row in needed):
            return
        await self._look(rows)
        for row in needed:
            if row.id not in self._held and row.handover:
                await self._take_over(row)

    async def _look(self, rows: Sequence[KeyRow]) -> None:
        known = [
            KnownKey(id=row.id, state=row.state, salt=row.salt) for row in rows if row.state != "retired"
        ]
        for key in await asyncio.to_thread(self._source.find, known):
            self._held[key.id] = key

    async def _take_over(self, row: KeyRow) -> None:
        for held in list(self._held.values()):
            try:
                plain = held.unwrap(row.handover, handover_about(row.id))
            except BoxError:
                continue
            adopted = await asyncio.to_thread(self._source.adopt, plain)
            if adopted.id == row.id:
                self._held[adopted.id] = adopted
            return

    async def fresh(self, rows: Sequence[KeyRow]) -> MasterKey:
        """A key that nothing was ever sealed with: one that waits at the source, or a new one."""
        used = {row.id for row in rows}
        await self._look(rows)
        waiting = [key for key_id, key in self._held.items() if key_id not in used]
        key = waiting[-1] if waiting else await asyncio.to_thread(self._source.make)
        if key.id in used:
            raise MasterKeyError("That master key was used before.", remedy="Make a new one.")
        self._held[key.id] = key
        return key

    async def forget(self, rows: Sequence[KeyRow]) -> None:
        """Let go of retired keys, here and at the source."""
        retired = [row.id for row in rows if row.state == "retired" and row.id in self._held]
        if retired:
            await asyncio.to_thread(self._source.forget, retired)
            for key_id in retired:
                self._held.pop(key_id, None)


def handover_about(key_id: str) -> bytes:
    """What a handover box is about."""
    return canonical(["sallyport master key", key_id])
