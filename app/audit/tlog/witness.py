"""The body of a witness's add-checkpoint (c2sp.org/tlog-witness): old size, consistency proof, checkpoint."""

import base64
import re
from collections.abc import Sequence

import msgspec

from app.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from app.audit.tlog.merkle import HASH_BYTES, MAX_PATH
from app.audit.tlog.note import Note, decode, parse_note
from app.core.errors import ProofError

SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9]\d{0,18})")


class AddCheckpoint(msgspec.Struct, frozen=True):
    """What a log asks a witness to cosign."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


def render_request(old: int, proof: Sequence[bytes], note: Note) -> bytes:
    """The body to send."""
    lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def parse_request(data: bytes) -> AddCheckpoint:
    """The parts of a body; ProofError when it is not well-formed."""
    head, blank, rest = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise ProofError("The old size and the proof are ASCII.") from None
    old = _OLD.fullmatch(lines[0])
    if not blank or old is None or len(lines) - 1 > MAX_PATH:
        raise ProofError("The body does not begin with `old SIZE`, at most 63 hashes and an empty line.")
    proof = tuple(map(decode, lines[1:]))
    if any(len(one) != HASH_BYTES for one in proof):
        raise ProofError("The consistency proof holds something that is not a hash.")
    note = parse_note(rest)
    return AddCheckpoint(int(old[1]), proof, note, parse_checkpoint(note.text))
