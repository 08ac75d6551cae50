"""Whether the database still holds every tree that was signed before: found here, or nowhere."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.audit.sealing import store
from app.audit.sealing.outside import Latest, Outside, position
from app.audit.tlog.checkpoint import Checkpoint
from app.audit.tlog.merkle import Node
from app.audit.tlog.note import VerifierKey, parse_note
from app.audit.tlog.signing import verified
from app.audit.tlog.tiles import node_in_tiles, places_for, root_at
from app.core.errors import ProofError

REMEDY = (
    "If a backup was restored, stop every server and declare it: sallyport audit restored --reason '…'. "
    "If not, keep the database as it is and find out who changed it."
)


class Discontinuity(msgspec.Struct, frozen=True):
    """The database is not what was signed: older (`rollback`) or another (`fork`)."""

    kind: Literal["rollback", "fork"]
    message: str
    signed: Checkpoint


async def read_node(conn: store.Connection, epoch: int, size: int) -> Node:
    """A `Node` function for the root that a tree had at `size`."""
    places = places_for(lambda node: root_at(size, node))
    return node_in_tiles(await store.tiles(conn, epoch, places))


async def former_root(conn: store.Connection, epoch: int, size: int) -> bytes:
    """The root that the stored tree has at an earlier size; ProofError when tiles are missing."""
    return root_at(size, await read_node(conn, epoch, size))


async def discontinuity(
    conn: store.Connection,
    *,
    epochs: list[store.Epoch],
    head: store.Head | None,
    outside: Outside,
    keys: Sequence[VerifierKey],
) -> Discontinuity | None:
    """Hold the newest tree of the database against the newest checkpoint outside and the word of witnesses.

    A newer tree counts only with a statement that one of the keys signed; a node without keys takes its word.
    """
    latest = outside.latest()
    found = None
    if latest is not None:
        found = await _behind(conn, epochs=epochs, head=head, latest=latest, keys=keys)
    if found is not None or head is None:
        return found
    return contradiction(outside, epochs[0].origin, head.size)


def contradiction(outside: Outside, origin: str, size: int) -> Discontinuity | None:
    """The word of a witness against a tree of this size."""
    for claim in outside.claims():
        if claim.origin == origin and (claim.fork or claim.size > size):
            kind = "fork" if claim.fork else "rollback"
            return Discontinuity(kind, f"The witness {claim}", Checkpoint(claim.origin, claim.size, b""))
    return None


async def _behind(
    conn: store.Connection,
    *,
    epochs: list[store.Epoch],
    head: store.Head | None,
    latest: Latest,
    keys: Sequence[VerifierKey],
) -> Discontinuity | None:
    signed = latest.checkpoint
    if not epochs or head is None:
        return _rollback(signed, latest.place, "the database has no sealed record at all")
    newest = epochs[0]
    if signed.origin != newest.origin:
        later = position(Checkpoint(newest.origin, 0, b"")) > position(
            msgspec.structs.replace(signed, size=0)
        )
        if later and _declared(signed.origin, epochs, keys):
            return None  # a restore was declared since, on this node or another
        return _rollback(signed, latest.place, f"the newest tree of the database is {newest.origin}")
    if signed.size > head.size:
        return _rollback(signed, latest.place, f"the database has only {head.size}")
    return await inconsistency(conn, head, signed, latest.place)


async def inconsistency(
    conn: store.Connection, head: store.Head, signed: Checkpoint, place: str
) -> Discontinuity | None:
    """Whether a tree does not begin with one that was signed earlier and is no larger."""
    try:
        root = head.root if signed.size == head.size else await former_root(conn, head.epoch, signed.size)
    except ProofError as error:
        return Discontinuity("fork", f"{error.message} {signed.size} leaves were signed ({place}).", signed)
    if root == signed.root:
        return None
    return Discontinuity(
        "fork", f"The tree of the database does not begin with the {signed.size} leaves of {place}.", signed
    )


def _declared(origin: str, epochs: Sequence[store.Epoch], keys: Sequence[VerifierKey]) -> bool:
    """Whether the newest tree began with a signed word, and the trees of the database lead back to this origin."""
    known = {epoch.origin for epoch in epochs}
    for epoch in epochs:
        known |= {line.split()[1] for line in epoch.statement.splitlines() if line.startswith("previous ")}
    if origin not in known:
        return False
    try:
        return not keys or bool(verified(parse_note(epochs[0].statement), keys))
    except ProofError:
        return False


def _rollback(signed: Checkpoint, place: str, found: str) -> Discontinuity:
    return Discontinuity(
        "rollback",
        f"The database is older than the record that was signed: {place} has {signed.size} leaves of"
        f" {signed.origin}, {found}.",
        signed,
    )
