"""The policy of this moment: one snapshot, replaced whole, with what it knows before arguments remembered."""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from app.core.call import Resource
from app.core.errors import InputError
from app.core.paths import resources
from app.core.principal import Principal
from app.core.verdict import Decision
from app.policy import store
from app.policy.document import Document
from app.policy.parse import RESERVED, parse
from app.policy.snapshot import Outlook, Snapshot
from app.policy.store import Pool, Stored

log = logging.getLogger(__name__)

MEMO_ENTRIES = 16_384
MEMO_NAME = 512
TRUSTED_FOR = 30.0
"""Seconds without a successful look at the database after which the snapshot is not believed any more."""
_Key = tuple[object, ...]


class Engine:
    """Decides. Without a pool, or before the first refresh, only the built-in rules hold."""

    def __init__(self, *, pool: Pool | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._trusted_until = math.inf
        self._refreshing = asyncio.Lock()
        self._memo: dict[_Key, Outlook] = {}
        self._revision = -1
        self.problem = ""
        """Why the active set could not be loaded; while it stands, only the built-in rules hold."""
        self.snapshot = compiled({})

    def decide(
        self, principal: Principal, action: str, resource: Resource, *, arguments: dict[str, Any] | None
    ) -> Decision:
        """Permit or forbid, default deny."""
        if self._monotonic() > self._trusted_until:
            return self._stale()
        key = (
            action, resource.kind, resource.name, principal.kind, principal.name, principal.roles, principal.groups,
            principal.scopes, principal.failure,
        )  # fmt: skip
        outlook = self._memo.get(key)
        if outlook is None:
            outlook = self._look(key, principal, action, resource)
        return outlook.final or self.snapshot.settle(outlook, arguments)

    def may(self, principal: Principal, action: str, resource: Resource) -> bool:
        """Whether some arguments could be permitted; for listings."""
        if self._monotonic() > self._trusted_until:
            return False
        key = (
            action, resource.kind, resource.name, principal.kind, principal.name, principal.roles, principal.groups,
            principal.scopes, principal.failure,
        )  # fmt: skip
        outlook = self._memo.get(key) or self._look(key, principal, action, resource)
        return outlook.final.permitted if outlook.final is not None else bool(outlook.permits)

    def use(self, snapshot: Snapshot) -> None:
        """Replace the policy at once and whole."""
        self.snapshot = snapshot
        self._memo = {}

    async def refresh(self) -> bool:
        """Load the active set when it has changed; whether it had. A set that cannot be read permits nothing."""
        if self._pool is None:
            return False
        async with self._refreshing:
            asked = self._monotonic()
            async with store.transaction(self._pool) as conn:
                current = await store.revision(conn)
                rows = await store.active(conn) if current != self._revision else None
            if rows is not None:
                # In a thread: thousands of rules take longer than calls may wait.
                self.use(await asyncio.to_thread(self._compile, rows))
                self._revision = current
            self._trusted_until = asked + TRUSTED_FOR
            return rows is not None

    def _compile(self, rows: list[Stored]) -> Snapshot:
        try:
            snapshot = compiled({row.name: row for row in rows})
        except InputError as error:
            self.problem = f"the active policies cannot be loaded: {error}"
            log.error("policy: %s; only the built-in rules hold until it is corrected", self.problem)
            return compiled({})
        self.problem = ""
        return snapshot

    def _stale(self) -> Decision:
        """Somebody may have forbidden something since: an old policy permits nothing."""
        message = f"The policy could not be confirmed for more than {TRUSTED_FOR:.0f} seconds; see the log."
        return Decision(
            effect="forbid", reason="policy_unconfirmed", message=message, policy_hash=self.snapshot.hash
        )

    def _look(self, key: _Key, principal: Principal, action: str, resource: Resource) -> Outlook:
        outlook = self.snapshot.outlook(principal, action, resource)
        if len(resource.name) <= MEMO_NAME:
            if len(self._memo) >= MEMO_ENTRIES:
                self._memo = {}
            self._memo[key] = outlook
        return outlook


def compiled(rows: dict[str, Stored], *, draft: tuple[Document, str] | None = None) -> Snapshot:
    """The snapshot of stored versions, the built-in rules and perhaps a draft; InputError if one was altered."""
    documents = {RESERVED: builtin()}
    for name, row in rows.items():
        if fingerprint(row.source.encode()) != row.sha256:
            raise InputError(
                f"Version {row.version} of policy {name} was changed in the database.",
                remedy="Apply the document again and find out who did it.",
            )
        documents[name] = (parse(row.source.encode()), row.sha256)
    if draft is not None:
        documents[draft[0].policy] = draft
    return Snapshot(documents)


def builtin() -> tuple[Document, str]:
    """The rules that always hold, and the digest of their bytes."""
    data = builtin_source()
    return parse(data, builtin=True), fingerprint(data)


def builtin_source() -> bytes:
    """The document of the built-in rules."""
    return (resources() / "assets" / "policies" / "builtin.yaml").read_bytes()


def fingerprint(data: bytes) -> str:
    """SHA-256 of the exact bytes of a document, in hex."""
    return hashlib.sha256(data).hexdigest()
