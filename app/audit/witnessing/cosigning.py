"""The job that shows each kept checkpoint to every witness, and believes a witness that has seen more than there is."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from app.audit.sealing import store
from app.audit.sealing.outside import Claim, Outside
from app.audit.sealing.state import SealState
from app.audit.sealing.tree import note_of
from app.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from app.audit.tlog.merkle import consistency_path
from app.audit.tlog.note import Note, cosigned, parse_signatures
from app.audit.tlog.signing import verify
from app.audit.tlog.tiles import node_in_tiles, places_for
from app.audit.tlog.witness import render_request
from app.audit.witnessing.client import WitnessClient
from app.core.clock import Clock
from app.core.errors import EgressError, ProofError, SallyportError, UpstreamError

log = logging.getLogger(__name__)


class Asked(msgspec.Struct, frozen=True):
    """A kept checkpoint as it is shown."""

    epoch: int
    note: Note
    checkpoint: Checkpoint


class Cosigning:
    """`step` is run by a job, apart from sealing: a witness that is slow or away delays nothing."""

    def __init__(
        self,
        *,
        witnesses: Sequence[WitnessClient],
        pool: store.Pool,
        outside: Outside,
        state: SealState,
        clock: Clock,
    ) -> None:
        self._witnesses = witnesses
        self._pool = pool
        self._outside = outside
        self._state = state
        self._clock = clock
        self._done: dict[str, tuple[int, int]] = {}

    async def step(self) -> None:
        """Ask every witness that has not cosigned the newest kept checkpoint; only the leader asks."""
        if not self._state.leading or not self._witnesses:
            return
        async with self._pool.connection() as conn:
            kept = await store.kept_checkpoint(conn)
        if kept is None or kept.size == 0:
            return
        note = note_of(kept)
        asked = Asked(kept.epoch, note, parse_checkpoint(note.text))
        await asyncio.gather(*(self._ask(witness, asked) for witness in self._witnesses))
        if not any(self._behind(witness, asked) for witness in self._witnesses):
            self._state.ends("witness")

    def _behind(self, witness: WitnessClient, asked: Asked) -> bool:
        return self._done.get(witness.name) != (asked.epoch, asked.checkpoint.size)

    async def _ask(self, witness: WitnessClient, asked: Asked) -> None:
        if not self._behind(witness, asked):
            return
        try:
            await self._cosign(witness, asked)
            self._done[witness.name] = asked.epoch, asked.checkpoint.size
        except (UpstreamError, EgressError, ProofError) as error:
            self._failed(witness, error)

    def _failed(self, witness: WitnessClient, error: SallyportError) -> None:
        self._state.witness_failed(witness.name)
        self._state.alarm("witness", f"{witness.name} does not cosign the record: {error.message}")

    async def _cosign(self, witness: WitnessClient, asked: Asked) -> None:
        async with self._pool.connection() as conn:
            old = await store.cosigned_size(conn, asked.epoch, witness.name)
        status, answer = await self._show(witness, asked, old)
        size = asked.checkpoint.size
        said = _size(answer) if status == 409 else old
        if said is not None and said != old:
            if said > size:
                self._believe(witness, asked, said)
            status, answer = await self._show(witness, asked, said)
        if status == 422 or (status == 409 and said == size):
            self._believe(witness, asked, size, fork=True)
        if status != 200:
            raise ProofError(f"it answers {status}: {answer[:200].decode('utf-8', 'replace').strip()}")
        lines = [line for line in parse_signatures(answer.decode()) if line.name == witness.key.name]
        both = cosigned(asked.note, lines)
        verify(both, witness.key)
        ours = "".join(map(str, both.signed_by(witness.key)))
        async with self._pool.connection() as conn:
            await store.add_cosignature(conn, asked.epoch, asked.checkpoint.size, witness.name, ours)
        await asyncio.to_thread(self._outside.cosigned, asked.note, ours, now=self._clock.now())

    async def _show(self, witness: WitnessClient, asked: Asked, old: int) -> tuple[int, bytes]:
        size = asked.checkpoint.size
        async with self._pool.connection() as conn:
            places = places_for(lambda node: consistency_path(old, size, node))
            tiles = await store.tiles(conn, asked.epoch, places) if places else {}
        path = consistency_path(old, size, node_in_tiles(tiles))
        return await witness.add_checkpoint(render_request(old, path, asked.note))

    def _believe(self, witness: WitnessClient, asked: Asked, size: int, *, fork: bool = False) -> None:
        """What a witness has seen and the database cannot show: the sealer stops at its next turn."""
        claim = Claim(witness.name, asked.checkpoint.origin, size, fork)
        self._outside.claim(claim)
        raise ProofError(str(claim))


def _size(answer: bytes) -> int | None:
    text = answer.strip()
    return int(text) if text.isdigit() and len(text) < 20 else None
