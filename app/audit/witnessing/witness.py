"""Being a witness (c2sp.org/tlog-witness): cosign what goes on from the last checkpoint, refuse everything else."""

import hashlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.audit.signing.files import replace_file
from app.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from app.audit.tlog.merkle import EMPTY_ROOT, verify_consistency
from app.audit.tlog.note import VerifierKey, parse_note
from app.audit.tlog.signing import Signer, signed, verified
from app.audit.tlog.witness import SIZE_TYPE, AddCheckpoint, parse_request
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ProofError

log = logging.getLogger(__name__)

_TEXT = "text/plain; charset=utf-8"


class Answer(msgspec.Struct, frozen=True):
    """What a request is answered with."""

    status: int
    text: str
    content_type: str = _TEXT


class Witness:
    """Remembers the largest checkpoint of each log in a file of its own; one request at a time."""

    def __init__(
        self, *, folder: Path, logs: Sequence[VerifierKey], signers: Sequence[Signer], clock: Clock
    ) -> None:
        self._folder = folder
        self._logs = logs
        self._signers = signers
        self._clock = clock
        self._one_at_a_time = threading.Lock()

    def add(self, body: bytes) -> Answer:
        """Answer add-checkpoint; what is cosigned is on the disk before this returns."""
        try:
            request = parse_request(body)
        except ProofError as error:
            return Answer(400, f"{error.message}\n")
        keys = [key for key in self._logs if of_log(request.checkpoint.origin, key.name)]
        if not keys:
            return Answer(404, "This log is not known here.\n")
        try:
            verified(request.note, keys)
        except ProofError as error:
            return Answer(403, f"{error.message}\n")
        with self._one_at_a_time:
            return self._cosign(request)

    def _cosign(self, request: AddCheckpoint) -> Answer:
        new = request.checkpoint
        last = self.last(new.origin)
        if request.old > new.size:
            return Answer(400, "The old size is larger than the checkpoint's.\n")
        if request.old != last.size:
            return Answer(409, f"{last.size}\n", SIZE_TYPE)
        if request.old == new.size and new.root != last.root:
            log.error("%s shows another tree of the same %d leaves", new.origin, new.size)
            return Answer(409, f"{last.size}\n", SIZE_TYPE)
        try:
            verify_consistency(last.size, new.size, request.proof, last.root, new.root)
        except ProofError as error:
            log.error("%s does not go on from its %d leaves: %s", new.origin, last.size, error.message)
            return Answer(422, f"{error.message}\n")
        replace_file(self._path(new.origin), str(request.note).encode())
        if __debug__:
            crash.at("witness.after_memory")
        if last.size == 0:
            log.info("first checkpoint of %s: %d leaves", new.origin, new.size)
        seconds = int(self._clock.now().timestamp())
        lines = signed(str(new), self._signers, seconds=seconds).signatures
        return Answer(200, "".join(map(str, lines)))

    def last(self, origin: str) -> Checkpoint:
        """The largest checkpoint of a log that was cosigned; OSError or ProofError when it cannot be read."""
        try:
            note = parse_note(self._path(origin).read_bytes())
        except FileNotFoundError:
            return Checkpoint(origin, 0, EMPTY_ROOT)
        return parse_checkpoint(note.text)

    def _path(self, origin: str) -> Path:
        """A file for each log; an origin may hold what no file name can."""
        return self._folder / hashlib.sha256(origin.encode()).hexdigest()


def of_log(origin: str, name: str) -> bool:
    """Whether a tree belongs to the log of a key: its first one, or one that began with a declared restore."""
    first, _, number = origin.rpartition("/")
    return origin == name or (first == name and number.isdecimal())
