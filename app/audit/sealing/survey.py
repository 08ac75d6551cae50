"""How the seal of a site stands, found afresh: for `audit status`, doctor and scripts."""

from datetime import datetime

import msgspec

from app.audit.sealing import store
from app.audit.sealing.authority import signing_keys
from app.audit.sealing.continuity import REMEDY
from app.audit.sealing.outside import Outside
from app.audit.sealing.progress import store as progress
from app.audit.sealing.restore import find_break
from app.audit.signing.source import KeySource
from app.audit.tlog.note import VerifierKey, parse_key
from app.core.errors import ConfigError, ProofError


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the database, what is outside, and every trouble with its remedy."""

    origin: str
    size: int
    created: datetime | None
    unsealed: int
    outside_size: int | None
    outside_file: str
    troubles: list[tuple[str, str]]


async def survey(conn: store.Connection, *, source: KeySource, outside: Outside) -> Survey:
    """Look at everything once."""
    troubles = []
    epochs: list[store.Epoch] = await store.epochs(conn)
    head = await store.head(conn, epochs[0].epoch) if epochs else None
    latest = None
    try:
        latest = outside.latest()
        broken = await find_break(conn, source=source, outside=outside)
        troubles += [(said, REMEDY) for said in broken.said]
        if epochs and not broken.key_lost:
            await signing_keys(conn, source)
    except (ConfigError, ProofError) as error:
        troubles.append((error.message, error.remedy))
    return Survey(
        origin=epochs[0].origin if epochs else "",
        size=head.size if head else 0,
        created=head.created if head else None,
        unsealed=await progress.unsealed_rows(conn),
        outside_size=latest.checkpoint.size if latest else None,
        outside_file=str(outside.file),
        troubles=troubles,
    )


class KeyLine(msgspec.Struct, frozen=True):
    """A public key of the log: its turn, the key to give to verifiers, and its fingerprint for people."""

    turn: int
    kind: str
    key: str
    fingerprint: str
    since: datetime
    signs: bool


KINDS = {1: "Ed25519", 6: "ML-DSA-44"}


async def key_lines(conn: store.Connection) -> list[KeyLine]:
    """All keys of the log, oldest first."""
    known = await store.log_keys(conn)
    lines = []
    for one in known:
        key: VerifierKey = parse_key(one.key)
        signs = one.turn == known[-1].turn
        lines.append(KeyLine(one.turn, KINDS[one.algorithm], one.key, key.fingerprint, one.since, signs))
    return lines


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """The newest checkpoint with its cosignatures."""

    origin: str
    size: int
    root: bytes
    created: datetime
    note: str

    def paper(self) -> str:
        """To be printed, filed, and compared by eye: the root in groups of four digits."""
        digits = self.root.hex()
        rows = [digits[i : i + 16] for i in range(0, 64, 16)]
        groups = ["  ".join(row[i : i + 4] for i in range(0, 16, 4)) for row in rows]
        indented = ("\n" + " " * 10).join(groups)
        return (
            "CHECKPOINT OF THE RECORD\n\n"
            f"origin    {self.origin}\nleaves    {self.size:,}\nsigned    {self.created.isoformat(timespec='seconds')}\n"
            f"root      {indented}\n\n"
            "Kept on paper by ____________________  on ____________\n"
        )


async def newest_checkpoint(conn: store.Connection) -> Printed | None:
    """The newest checkpoint; the last one that is kept carries its cosignatures."""
    epochs = await store.epochs(conn)
    head = await store.head(conn, epochs[0].epoch) if epochs else None
    if head is None:
        return None
    lines = await store.cosignatures(conn, head.epoch, head.size)
    return Printed(
        origin=epochs[0].origin,
        size=head.size,
        root=head.root,
        created=head.created,
        note=head.note + "".join(lines),
    )
