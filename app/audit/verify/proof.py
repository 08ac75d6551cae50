"""Checking the proof of one row (c2sp.org/tlog-proof) against the row's bytes."""

import base64
import binascii
import re

import msgspec

from app.audit.verify import notes
from app.audit.verify.anchors import Anchors
from app.audit.verify.notes import Trust
from app.audit.verify.report import Report
from app.audit.verify.rows import claims
from app.audit.verify.tree import leaf_hash, root_by_path
from app.audit.verify.unreadable import Unreadable

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MAX_PATH = 63


class _Extra(msgspec.Struct):
    """Not authenticated: keys that the proof brings along, and how they followed one another."""

    keys: list[str] = []
    rotations: list[str] = []


class _Proof(msgspec.Struct):
    extra: _Extra
    index: int
    path: list[bytes]
    note: bytes


def check_proof(proof: bytes, entry: bytes, anchors: Anchors) -> Report:
    """Whether the row is the leaf that the proof says, of a tree whose root a key of the record signed."""
    report = Report()
    try:
        _check(_parse(proof), entry, anchors, report)
    except Unreadable as error:
        report.fault(str(error))
    return report


def _check(proof: _Proof, entry: bytes, anchors: Anchors, report: Report) -> None:
    trust = Trust(
        given=anchors.keys,
        bundled=notes.keys(proof.extra.keys),
        rotations=[rotation.encode() for rotation in proof.extra.rotations],
        report=report,
    )
    origin, size, root = trust.checkpoint(proof.note, "checkpoint", witnesses=anchors.witnesses)
    signers = {(name, key_id) for name, key_id, _ in notes.note(proof.note)[1]}
    for witness in anchors.witnesses:
        if witness.place not in signers:
            report.doubts.append(f"the checkpoint carries no cosignature of {witness.name}")
    if proof.index >= size:
        report.fault("the row's leaf lies outside the tree", leaf=proof.index, **claims(entry))
    elif root_by_path(leaf_hash(entry), proof.index, size, proof.path) != root:
        report.fault("the path does not lead from this row to the root", leaf=proof.index, **claims(entry))
    report.checked |= {"origin": origin, "size": size, "leaf": proof.index, **claims(entry)}
    if trust.own:
        report.notices.append(
            "the keys came from the proof itself: this shows that it is whole, not whose it is"
        )


def _parse(data: bytes) -> _Proof:
    head, found, note = data.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if not found or lines.pop(0) != HEADER or not lines:
        raise Unreadable(f"it is not a {HEADER}")
    extra = _extra(lines.pop(0)[6:]) if lines[0].startswith("extra ") else _Extra()
    index = _INDEX.fullmatch(lines[0]) if lines else None
    if index is None or len(lines) > 1 + _MAX_PATH:
        raise Unreadable("the proof has no index, or too long a path")
    return _Proof(extra, int(index[1]), [notes.hash_of(line) for line in lines[1:]], note)


def _extra(text: str) -> _Extra:
    try:
        raw = base64.b64decode(text, validate=True)
        if base64.b64encode(raw).decode() != text:
            raise Unreadable("the extra line of the proof is not base64 in its usual spelling")
        return msgspec.json.decode(raw, type=_Extra)
    except (binascii.Error, msgspec.DecodeError):
        raise Unreadable("the extra line of the proof cannot be read") from None
