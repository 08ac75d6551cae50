"""The sealer: once a second the leader appends what was committed to the tree and signs its new head.

Everything of a step is in one transaction on the connection that holds the lead. The tree in memory is given up when
anything fails and read again; a checkpoint leaves only after its transaction was committed.
"""

import asyncio
import logging
from datetime import datetime

from app.audit.sealing import store
from app.audit.sealing.authority import begin_log, signing_keys, trusted_keys
from app.audit.sealing.continuity import Discontinuity, contradiction, discontinuity
from app.audit.sealing.gather import Gathered, gather
from app.audit.sealing.outside import Outside
from app.audit.sealing.progress import store as progress
from app.audit.sealing.state import SealState
from app.audit.sealing.tree import Tree, note_of, read_tree
from app.audit.signing.source import KeySource, known_keys
from app.audit.tlog.signing import Signer, verified
from app.config.schema import Record
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConfigError, DatabaseError, ProofError
from app.jobs import Leader

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that the database may take for one step."""
REST = 5.0
"""Seconds for which a node that cannot seal leaves the lead to others."""
FOLLOW = 5.0
"""Seconds between two looks of a node that does not lead."""


class Sealer:
    """`step` is run by a job; it does nothing on nodes that do not lead, except look."""

    def __init__(
        self,
        *,
        leader: Leader,
        pool: store.Pool,
        source: KeySource,
        outside: Outside,
        state: SealState,
        clock: Clock,
        settings: Record,
    ) -> None:
        self.state = state
        self._leader = leader
        self._pool = pool
        self._source = source
        self._outside = outside
        self._clock = clock
        self._settings = settings
        self._tree: Tree | None = None
        self._signers: list[Signer] = []
        self._retiring: list[Signer] = []
        self._kept: store.Head | None = None
        self._rest_until = float("-inf")
        self._look_at = float("-inf")
        self._closing = False

    async def prepare(self) -> None:
        """Begin the log if there is none, so that its key is there as soon as a new site is."""
        await self._turn(seal=False)

    async def step(self) -> None:
        """Seal what is there, if this node leads; alarms instead of exceptions for what a person must mend."""
        await self._turn(seal=True)

    async def _turn(self, *, seal: bool) -> None:
        conn = None
        if self._clock.monotonic() >= self._rest_until:
            conn = await self._leader.connection()
        self.state.leading = conn is not None
        try:
            if conn is None:
                await self._follow()
                return
            await self._lead(conn, seal=seal)
        except (*store.Failed, DatabaseError) as error:
            await self._give_up()
            log.warning("sealing: %s", " ".join(str(error).split()) or type(error).__name__)
        except ConfigError as error:
            await self._stop("key", str(error))
        except ProofError as error:
            await self._stop("tree", f"{error} Look at it with `sallyport audit status`.")

    async def _lead(self, conn: store.Connection, *, seal: bool) -> None:
        with store.deadline(conn, PATIENCE):
            more = await self._ready(conn) and seal
        while more:
            with store.deadline(conn, PATIENCE):
                more = await self._seal(conn) and not self._closing

    async def _ready(self, conn: store.Connection) -> bool:
        """Whether the tree, its keys and what was published before all agree."""
        if self._tree is None:
            epochs = await store.epochs(conn)
            if not await self._continues(conn, epochs):
                return False
            await self._take_keys(conn)
            if not epochs:
                await self._begin(conn)
                epochs = await store.epochs(conn)
            await self._load(conn, epochs[0])
        else:
            if not self._shown(self._tree.head):
                if not await self._continues(conn, await store.epochs(conn)):
                    return False
                await self._publish(self._tree.head, keep=False)
            await self._take_keys(conn)
        self.state.ends("tree")
        return True

    def _shown(self, head: store.Head) -> bool:
        """Whether what is outside is this very head, and no witness says otherwise."""
        latest = self._outside.latest()
        if latest is None or (latest.checkpoint.size, latest.checkpoint.root) != (head.size, head.root):
            return False
        return contradiction(self._outside, latest.checkpoint.origin, head.size) is None

    async def _continues(self, conn: store.Connection, epochs: list[store.Epoch]) -> bool:
        """Whether the database holds what was published; if not, sealing stops."""
        head = await store.head(conn, epochs[0].epoch) if epochs else None
        found = await self._discontinuity(conn, epochs, head)
        if found is None:
            self.state.ends("rollback", "fork")
            return True
        await self.broken(found)
        return False

    async def _discontinuity(
        self, conn: store.Connection, epochs: list[store.Epoch], head: store.Head | None
    ) -> Discontinuity | None:
        keys = await asyncio.to_thread(known_keys, self._source)
        return await discontinuity(conn, epochs=epochs, head=head, outside=self._outside, keys=keys)

    async def broken(self, found: Discontinuity) -> None:
        """The database does not hold what was signed."""
        await self._stop(found.kind, found.message, origin=found.signed.origin, size=found.signed.size)

    async def _take_keys(self, conn: store.Connection) -> None:
        signers = await signing_keys(conn, self._source)
        if self._signers and [one.key for one in signers] != [one.key for one in self._signers]:
            self._retiring = self._signers
            log.warning("the record is now signed by %s", signers[0].key.id.hex())
        self._signers = signers

    async def _begin(self, conn: store.Connection) -> None:
        if not self._signers:
            origin = self._settings.origin
            self._signers = list(
                await asyncio.to_thread(self._source.create, f"{origin}/audit" if origin else "")
            )
            log.info("the key of the record was made: %s", self._source.place)
            if __debug__:
                crash.at("seal.after_key")
        await begin_log(conn, self._signers, origin=self._settings.origin, now=self._clock.now())

    async def _load(self, conn: store.Connection, epoch: store.Epoch) -> None:
        tree = await read_tree(conn, epoch)
        verified(note_of(tree.head), await trusted_keys(conn, self._signers))
        self._kept = await store.kept_checkpoint(conn)
        moved = await progress.moved_cursors(conn)
        if moved:
            tree.cursors = {one.boot: one.sealed for one in moved}
        await progress.look_at_all_boots_again(conn)
        self._tree = tree
        self._showing(tree.head)
        await self._publish(tree.head, keep=False)

    async def _seal(self, conn: store.Connection) -> bool:
        """One transaction; whether there is more to do."""
        tree, self._tree = self._tree, None
        if tree is None:
            return False
        now = self._clock.now()
        due = self._due(now)
        async with conn.transaction():
            found = await gather(conn, tree)
            if found.rows and not await self._put(conn, tree, found, now=now):
                return False
            keep = self._keeps(tree.head, due)
            if keep:
                await store.keep_checkpoint(conn, tree.head)
            for boot in found.done:
                await progress.close_boot(conn, boot.boot, boot.opened)
            if __debug__:
                crash.at("seal.before_commit")
        self._tree = tree
        if __debug__:
            crash.at("seal.after_commit")
        self.state.ends("key")  # not before: a device may name its keys and yet not sign
        tree.cursors |= found.cursors
        if found.rows or keep:
            self._retiring = []
            self._kept = tree.head if keep else self._kept
            await self._publish(tree.head, keep=keep)
        if __debug__:
            crash.at("seal.after_publish")
        self._report(tree, found)
        self.state.waiting(await progress.unsealed_rows(conn) if found.more or found.irregular else 0)
        return found.more

    def _due(self, now: datetime) -> bool:
        """Whether it is time for another checkpoint that is kept and sent."""
        kept = self._kept
        seconds = self._settings.checkpoints.seconds
        return kept is None or bool(self._retiring) or (now - kept.created).total_seconds() >= seconds

    def _keeps(self, head: store.Head, due: bool) -> bool:
        """Whether this head is to be kept: one of a tree that has grown since the last one."""
        return due and (self._kept is None or (head.epoch, head.size) != (self._kept.epoch, self._kept.size))

    async def _put(self, conn: store.Connection, tree: Tree, found: Gathered, *, now: datetime) -> bool:
        """Write what was gathered; False when the tree was moved by somebody else meanwhile."""
        before = await store.lock_head(conn, tree.epoch.epoch)
        if before is None or (before.size, before.root) != (tree.head.size, tree.head.root):
            return False
        await store.put_tiles(conn, tree.epoch.epoch, found.tiles)
        for run in found.runs:
            await progress.put_run(conn, run)
        for boot, seq in found.cursors.items():
            await progress.put_cursor(conn, boot, seq)
        tree.head = await asyncio.to_thread(tree.sign, [*self._signers, *self._retiring], now=now)
        await store.put_head(conn, tree.head)
        return True

    async def _publish(self, head: store.Head, *, keep: bool) -> None:
        """Let a committed checkpoint leave."""
        try:
            await asyncio.to_thread(self._outside.publish, note_of(head), now=self._clock.now(), keep=keep)
            self.state.ends("outside")
        except OSError as error:
            self.state.alarm("outside", f"Checkpoints do not leave the database: {error}.")

    def _report(self, tree: Tree, found: Gathered) -> None:
        self.state.sealed(found.rows)
        self._showing(tree.head)
        for name, wanted in (("gap", False), ("cursor", True)):
            irregular = [one for one in found.irregular if one.moved is wanted]
            if irregular:
                said = "; ".join(map(str, irregular))
                self.state.alarm(name, f"Unsealed rows were changed: {said}. They are not sealed.")
            elif not found.more:
                self.state.ends(name)

    def _showing(self, head: store.Head) -> None:
        self.state.at(note_of(head).text.partition("\n")[0], head.size, head.created)

    async def _follow(self) -> None:
        """Look at what the leader did: this node's own copy of the checkpoints bears witness as well."""
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + FOLLOW
        async with self._pool.connection() as conn:
            epochs = await store.epochs(conn)
            head = await store.head(conn, epochs[0].epoch) if epochs else None
            found = await self._discontinuity(conn, epochs, head)
            self.state.waiting(await progress.unsealed_rows(conn))
        if found is not None:
            await self.broken(found)
        elif head is not None:
            self.state.ends("rollback", "fork")
            self._showing(head)
            outside = self._outside.latest()
            keep = self._keeps(head, self._due(self._clock.now()))
            if keep or outside is None or outside.checkpoint.size != head.size:
                self._kept = head if keep else self._kept
                await self._publish(head, keep=keep)

    async def _stop(self, name: str, message: str, **details: object) -> None:
        """Seal nothing until a person has mended it; another node may be able to."""
        self.state.alarm(name, message, **details)
        self._rest_until = self._clock.monotonic() + REST
        await self._give_up()

    async def _give_up(self) -> None:
        self._tree = None
        await self._leader.resign()

    async def close(self) -> None:
        """Seal what the last calls left, one transaction of it, then leave the lead to others."""
        self._closing = True
        await self.step()
        await self._give_up()
