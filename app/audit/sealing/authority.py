"""Who may sign the log now: the keys that it knows as its newest, and the statements by which they took over."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

from app.audit.sealing import store
from app.audit.signing.source import KeySource, newest_of, public_keys
from app.audit.tlog.checkpoint import Checkpoint
from app.audit.tlog.merkle import EMPTY_ROOT
from app.audit.tlog.note import Note, VerifierKey, parse_key, parse_note
from app.audit.tlog.signing import Signer, signed, verify
from app.core.errors import ConfigError, ProofError

SUFFIX = "/audit"
ROTATION = "sallyport.record/key-rotation/v1"


def newest(keys: Sequence[store.LogKey]) -> list[store.LogKey]:
    """The keys whose turn it is."""
    return [one for one in keys if one.turn == keys[-1].turn]


async def signing_keys(conn: store.Connection, source: KeySource) -> list[Signer]:
    """The signers that the log knows as its newest, none for a log that has not begun; ConfigError otherwise."""
    known = await store.log_keys(conn)
    there = await asyncio.to_thread(source.load)
    if not known:
        return newest_of(there)
    wanted = {one.key for one in newest(known)}
    if signers := _of(there, wanted):
        return signers
    if await asyncio.to_thread(source.take_over, wanted):
        # The rotation was recorded, and its process ended before the files were changed.
        return _of(await asyncio.to_thread(source.load), wanted)
    if not there:
        raise ConfigError(
            f"The key of the log is not at {source.place}; nothing is sealed by this node.",
            remedy="Put it back, or copy keys/record from the node that has it; a lost key is replaced by"
            " `sallyport audit restored`.",
        )
    raise ConfigError(
        f"The key at {source.place} is not the newest of this log; nothing is sealed by this node.",
        remedy="Give the key that the log was last rotated to: see `sallyport audit keys`.",
    )


async def begin_log(conn: store.Connection, signers: Sequence[Signer], *, origin: str, now: datetime) -> None:
    """The first tree, empty, in one transaction; ConfigError when the key's name does not fit the profile."""
    name = signers[0].key.name
    check_key_name(name, origin)
    async with conn.transaction():
        await store.insert_epoch(conn, 1, name, "")
        for key in public_keys(signers):
            await store.insert_log_key(conn, 1, key.algorithm, str(key), "")
        await put_empty(conn, signers, store.Epoch(1, name, ""), now=now)


async def put_empty(
    conn: store.Connection, signers: Sequence[Signer], epoch: store.Epoch, *, now: datetime
) -> None:
    """The head of a tree without leaves."""
    text = str(Checkpoint(epoch.origin, 0, EMPTY_ROOT))
    note = await asyncio.to_thread(signed, text, signers, seconds=int(now.timestamp()))
    await store.put_head(conn, store.Head(epoch.epoch, 0, EMPTY_ROOT, str(note), now))


def check_key_name(name: str, origin: str) -> None:
    """ConfigError unless a key of this name may begin the log of this profile."""
    if not name.endswith(SUFFIX) or (origin and name != origin + SUFFIX):
        raise ConfigError(
            f"The key is named {name}; the log of this site is {origin or 'NAME'}{SUFFIX}.",
            remedy="Make a key for it with `sallyport audit new-key FILE`, or correct record.origin.",
        )


def rotation(old: Sequence[Signer], new: Sequence[Signer], *, origin: str, now: datetime) -> Note:
    """The statement by which new keys take over, signed by both Ed25519 keys.

    The ML-DSA-44 keys vouch for it by the checkpoints over the row that records it.
    """
    lines = [ROTATION, origin, now.isoformat(timespec="seconds")]
    lines += [f"old {key}" for key in public_keys(old)]
    lines += [f"new {key}" for key in public_keys(new)]
    return signed("".join(f"{line}\n" for line in lines), [old[0], new[0]], seconds=0)


def predecessors(statement: str, key: VerifierKey) -> list[VerifierKey]:
    """The old keys that a rotation names, when this new key signed it; ProofError otherwise."""
    note = parse_note(statement)
    verify(note, key)
    lines = note.text.splitlines()
    if lines[0] != ROTATION:
        raise ProofError("The statement is not about a rotation of keys.")
    old = [parse_key(line.removeprefix("old ")) for line in lines if line.startswith("old ")]
    verify(note, old[0])
    return old


async def trusted_keys(conn: store.Connection, signers: Sequence[Signer]) -> list[VerifierKey]:
    """The public keys of these signers and of those they took over from."""
    keys = public_keys(signers)
    known = await store.log_keys(conn)
    statement = newest(known)[0].statement if known else ""
    if statement.startswith(ROTATION):
        keys += predecessors(statement, keys[0])
    return keys


def _of(signers: Sequence[Signer], wanted: set[str]) -> list[Signer]:
    """The signers of exactly these keys, none unless all are there; a device may name others beside."""
    found = newest_of([one for one in signers if str(one.key) in wanted])
    return found if len(found) == len(wanted) else []


def same_kinds(new: Sequence[Signer], kinds: Collection[int]) -> list[Signer]:
    """The newest signer of each kind that the log is signed by; ConfigError when one is not there."""
    found = [one for one in newest_of(new) if one.key.algorithm in kinds]
    if len(found) != len(kinds):
        raise ConfigError(
            "The log is signed by Ed25519 and ML-DSA-44, and the new keys are not of both kinds.",
            remedy="Give keys of both kinds: a log never loses a kind of its signatures.",
        )
    return found
