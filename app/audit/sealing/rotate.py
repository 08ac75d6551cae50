"""New signing keys: the log says who took over from whom, both sign it, and the old private key goes."""

from pathlib import Path

import msgspec

from app.audit.sealing import store
from app.audit.sealing.authority import rotation, signing_keys
from app.audit.sealing.recording import record_within
from app.audit.sealing.state import happened
from app.audit.signing.files import replace_file
from app.audit.signing.keys import KeySource, new_signers, public_keys, read_signers, render_signers
from app.audit.tlog.signing import SeedSigner
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConfigError, ConflictError


class Rotated(msgspec.Struct, frozen=True):
    """Verifier keys that retire and those that take over."""

    old: list[str]
    new: list[str]
    statement: str


async def rotate(
    conn: store.Connection, *, source: KeySource, given: Path | None, node: str, clock: Clock
) -> Rotated:
    """Let new keys take over; with the keys in a file of the operator's, that file is `given`."""
    epochs = await store.epochs(conn)
    if not epochs:
        raise ConflictError(
            "The log has not begun; there is no key to rotate.", remedy="Start the server once."
        )
    old = await signing_keys(conn, source)
    new = _new(source, given, name=old[0].key.name)
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
    if source.managed:
        source.promote()
    return done


def _new(source: KeySource, given: Path | None, *, name: str) -> list[SeedSigner]:
    if given is not None:
        new = read_signers(given)
    elif source.managed:
        new = new_signers(name)
    else:
        raise ConfigError(
            f"The key is kept at {source.path}, so the new one has to be given.",
            remedy="Make it with `sallyport audit new-key FILE`, then rotate with --key FILE.",
        )
    if new[0].key.name != name:
        raise ConfigError(
            f"The new key is named {new[0].key.name}, the log {name}.",
            remedy="Make one with `sallyport audit new-key FILE`.",
        )
    if source.managed:
        replace_file(source.next_path, render_signers(new).encode(), mode=0o600)
    return new
