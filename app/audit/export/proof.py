"""The proof that one row is in the log (c2sp.org/tlog-proof): a file that anybody can check with a key alone."""

import base64
from uuid import UUID

import msgspec

from app.audit.export import store
from app.audit.export.log import SealedLog, open_log
from app.audit.tlog.merkle import Node, inclusion_path
from app.audit.tlog.tiles import node_in_tiles, places_for
from app.core.canonical import canonical
from app.core.errors import ConflictError, InputError, NotFoundError

HEADER = "c2sp.org/tlog-proof@v1"


class Proof(msgspec.Struct, frozen=True):
    """`text` is the proof; `entry`, the very bytes of the row, goes with it."""

    leaf: int
    size: int
    origin: str
    text: bytes
    entry: bytes


async def prove(pool: store.Pool, row_id: str) -> Proof:
    """The proof of a row by its id; ConflictError while it is not sealed."""
    try:
        wanted = UUID(row_id)
    except ValueError:
        raise InputError(
            f"{row_id!r} is not the id of a row.", remedy="See `sallyport audit list`."
        ) from None
    async with store.connection(pool) as conn:
        place = await store.place_of(conn, wanted)
    if place is None:
        raise NotFoundError(f"The record has no row {row_id}.", remedy="See `sallyport audit list`.")
    if place.leaf is None:
        raise ConflictError(
            "This row is not sealed yet.", remedy="A serving site seals every second: try again."
        )
    log = await open_log(pool, place.epoch)
    index, size = place.leaf, log.head.size
    node = await _nodes(log, index, size)
    return Proof(index, size, log.head.origin, await _text(log, index, node), place.entry)


async def _nodes(log: SealedLog, index: int, size: int) -> Node:
    places = places_for(lambda node: inclusion_path(index, size, node))
    return node_in_tiles({place: await log.tile(*place) for place in places})


async def _text(log: SealedLog, index: int, node: Node) -> bytes:
    context = await log.context()
    extra = canonical({"keys": list(context.log_keys), "rotations": list(context.rotations)})
    path = inclusion_path(index, log.head.size, node)
    lines = [HEADER, f"extra {base64.b64encode(extra).decode()}", f"index {index}"]
    lines += [base64.b64encode(value).decode() for value in path]
    return "\n".join([*lines, "", ""]).encode() + log.head.note
