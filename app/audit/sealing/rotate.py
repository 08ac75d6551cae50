"""New signing keys: the log says who took over from whom, both sign it, and the old private key goes."""

from collections.abc import Sequence

import msgspec

from app.audit.sealing import store
from app.audit.sealing.authority import rotation, same_kinds, signing_keys
from app.audit.sealing.recording import record_within
from app.audit.sealing.state import happened
from app.audit.signing.source import KeySource, public_keys
from app.audit.tlog.signing import Signer
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConfigError, ConflictError


class Rotated(msgspec.Struct, frozen=True):
    """Verifier keys that retire and those that take over."""

    old: list[str]
    new: list[str]
    statement: str


async def rotate(
    conn: store.Connection, *, source: KeySource, given: Sequence[Signer], node: str, clock: Clock
) -> Rotated:
    """Let new keys take over; `given` are they, where the source cannot make them or others are wanted."""
    epochs = await store.epochs(conn)
    if not epochs:
        raise ConflictError(
            "The log has not begun; there is no key to rotate.", remedy="Start the server once."
        )
    old = await signing_keys(conn, source)
    new = _new(source, given, old=old)
    note = rotation(old, new, origin=epochs[0].origin, now=clock.now())
    done = Rotated([str(key) for key in public_keys(old)], [str(key) for key in public_keys(new)], str(note))
    event = happened("record.key.rotate", epochs[0].origin, now=clock.now(), **msgspec.structs.asdict(done))
    async with conn.transaction():
        known = await store.log_keys(conn)
        for key in public_keys(new):
            await store.insert_log_key(conn, known[-1].turn + 1, key.algorithm, str(key), str(note))
        await record_within(conn, event, node=node, clock=clock)
    if __debug__:
        crash.at("rotate.after_commit")
    source.remember(str(note))
    source.take_over(done.new)
    return done


def _new(source: KeySource, given: Sequence[Signer], *, old: Sequence[Signer]) -> list[Signer]:
    new = same_kinds(given or source.successors(old), [one.key.algorithm for one in old])
    name = old[0].key.name
    if new[0].key.name != name:
        raise ConfigError(
            f"The new key is named {new[0].key.name}, the log {name}.",
            remedy="Make one with `sallyport audit new-key FILE`; for a device, correct record.origin.",
        )
    source.stage(new)
    return new
