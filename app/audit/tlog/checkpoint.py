"""Checkpoints (c2sp.org/tlog-checkpoint): the head of a tree as three lines of a note's text."""

import base64
import re

import msgspec

from app.audit.tlog.merkle import HASH_BYTES
from app.audit.tlog.note import decode
from app.core.errors import ProofError

_SIZE = re.compile(r"0|[1-9]\d{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """Which log, how many leaves, and the root over them; its text is what is signed."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text; ProofError also for extension lines, which not every signature covers."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise ProofError("A checkpoint has exactly three lines: origin, size, root.")
    root = decode(lines[2])
    if not _SIZE.fullmatch(lines[1]) or int(lines[1]) >= 1 << 63 or len(root) != HASH_BYTES:
        raise ProofError("The size or the root of a checkpoint is not well-formed.")
    return Checkpoint(lines[0], int(lines[1]), root)
