"""What a witness cosigns and what it refuses (c2sp.org/tlog-witness), word for word."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.audit.signing.keys import WITNESS_KINDS, new_signers
from app.audit.signing.source import public_keys
from app.audit.tlog.checkpoint import Checkpoint
from app.audit.tlog.merkle import EMPTY_ROOT, consistency_path, leaf_hash
from app.audit.tlog.note import Note, cosigned, parse_signatures
from app.audit.tlog.signing import SeedSigner, signed, verified
from app.audit.tlog.tiles import Edge, node_in_tiles
from app.audit.tlog.witness import render_request
from app.audit.witnessing.witness import Answer, Witness
from tests.app.audit.sealing.workshop import CLOCK

LOG = new_signers("log.example/audit")
KEYS = public_keys(LOG)
OURS = new_signers("", kinds=WITNESS_KINDS, unnamed="witness-{}")


class Log:
    """A log of numbered leaves, perhaps another one from some leaf on."""

    def __init__(self, *, origin: str = "log.example/audit", fork_at: int = 10**9) -> None:
        self.origin = origin
        self._leaves = [leaf_hash(b"%d%s" % (n, b"!" * (n >= fork_at))) for n in range(400)]

    def note(self, size: int, signers: Sequence[SeedSigner] = LOG) -> Note:
        edge = Edge()
        edge.extend(b"".join(self._leaves[:size]))
        return signed(str(Checkpoint(self.origin, size, edge.root())), signers, seconds=1)

    def proof(self, old: int, new: int) -> list[bytes]:
        return consistency_path(old, new, node_in_tiles(Edge().extend(b"".join(self._leaves[:new]))))

    def request(self, old: int, new: int) -> bytes:
        return render_request(old, self.proof(old, new), self.note(new))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(folder=tmp_path, logs=KEYS, signers=OURS, clock=CLOCK)


def refused(answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert "\N{EM DASH}" not in answer.text


def test_a_growing_log_is_cosigned_by_both_kinds(witness: Witness) -> None:
    log = Log()
    for old, new in ((0, 1), (1, 8), (8, 8), (8, 300), (300, 399)):
        answer = witness.add(log.request(old, new))
        assert answer.status == 200, answer
        both = cosigned(log.note(new), parse_signatures(answer.text))
        assert verified(both, public_keys(OURS)) == public_keys(OURS)


def test_another_old_size_is_answered_with_the_size_that_is_remembered(witness: Witness) -> None:
    log = Log()
    assert witness.add(log.request(0, 5)).status == 200
    for old in (0, 4, 7):
        answer = witness.add(log.request(old, 8))
        refused(answer, 409)
        assert (answer.text, answer.content_type) == ("5\n", "text/x.tlog.size")
    refused(witness.add(render_request(9, [], log.note(8))), 400)


def test_a_forked_log_is_refused_whatever_it_proves(witness: Witness) -> None:
    true, false = Log(), Log(fork_at=3)
    assert witness.add(true.request(0, 5)).status == 200
    refused(witness.add(false.request(5, 9)), 422)
    refused(witness.add(false.request(5, 5)), 409)
    refused(witness.add(render_request(5, [], true.note(9))), 422)
    refused(witness.add(render_request(5, true.proof(4, 9), true.note(9))), 422)
    refused(witness.add(false.request(0, 9)), 409)
    assert witness.add(true.request(5, 9)).status == 200


def test_a_log_that_shrinks_is_refused(witness: Witness) -> None:
    log = Log()
    assert witness.add(log.request(0, 9)).status == 200
    refused(witness.add(log.request(5, 5)), 409)
    refused(witness.add(render_request(9, [], log.note(5))), 400)


def test_an_unknown_log_is_not_found_and_an_unknown_key_forbidden(witness: Witness) -> None:
    refused(witness.add(Log(origin="other.example/audit").request(0, 5)), 404)
    refused(witness.add(Log(origin="log.example/audit/x").request(0, 5)), 404)
    stranger = new_signers("log.example/audit")
    refused(witness.add(render_request(0, [], Log().note(5, stranger))), 403)
    torn = str(Log().note(5)).replace("\n5\n", "\n6\n")
    refused(witness.add(f"old 0\n\n{torn}".encode()), 403)


def test_a_tree_after_a_declared_restore_is_a_log_of_its_own(witness: Witness) -> None:
    assert witness.add(Log().request(0, 9)).status == 200
    assert witness.add(Log(origin="log.example/audit/2", fork_at=0).request(0, 1)).status == 200
    assert witness.last("log.example/audit").size == 9


@pytest.mark.parametrize(
    "body", [b"", b"old 0", b"old 0\n\n", b"\xff", b"old -1\n\nx\n\n\xe2\x80\x94 a AAAAAAAA\n"]
)
def test_a_body_that_is_no_request_is_bad(witness: Witness, body: bytes) -> None:
    refused(witness.add(body), 400)


def test_an_empty_tree_must_have_the_empty_root(witness: Witness) -> None:
    empty = signed(str(Checkpoint("log.example/audit", 0, EMPTY_ROOT)), LOG, seconds=1)
    false = signed(str(Checkpoint("log.example/audit", 0, bytes(32))), LOG, seconds=1)
    refused(witness.add(render_request(0, [], false)), 409)
    assert witness.add(render_request(0, [], empty)).status == 200


def test_what_was_cosigned_is_remembered_by_the_next_process(witness: Witness, tmp_path: Path) -> None:
    assert witness.add(Log().request(0, 5)).status == 200
    again = Witness(folder=tmp_path, logs=KEYS, signers=OURS, clock=CLOCK)
    refused(again.add(Log(fork_at=2).request(5, 8)), 422)
    assert again.add(Log().request(5, 8)).status == 200
