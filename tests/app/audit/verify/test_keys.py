"""Which keys count: those given, and those that a rotation ties to them; both verifiers agree."""

import asyncio
from pathlib import Path

from app.audit.export import Head
from app.audit.tlog.signing import SeedSigner, signed
from app.audit.verify import Anchors, keys, verify_export
from tests.laws.test_export_mutations import by_program, by_script
from tests.sealed_log import ORIGIN, SealedLog, call_rows, signers, witness


def rotation(old: list[SeedSigner], new: list[SeedSigner], *, by: list[SeedSigner] | None = None) -> str:
    lines = ["sallyport.record/key-rotation/v1", ORIGIN, "2026-11-21T12:00:00+00:00"]
    lines += [f"old {one.key}" for one in old] + [f"new {one.key}" for one in new]
    text = "".join(f"{line}\n" for line in lines)
    return str(signed(text, by or [old[0], new[0]], seconds=0))


def resealed(log: SealedLog, new: list[SeedSigner], statement: str) -> SealedLog:
    """The head is signed by the new keys; earlier checkpoints keep the old signatures."""
    log.signers = new
    log.keys += [str(one.key) for one in new]
    log.rotations.append(statement)
    log.head = Head(
        origin=ORIGIN, size=log.head.size, root=log.head.root, note=log.note(log.head.size, log.head.root)
    )
    return log


def exported(log: SealedLog, path: Path) -> Path:
    asyncio.run(log.export(path))
    return path


def verdicts(path: Path, *trusted: SeedSigner) -> set[str]:
    texts = [str(one.key) for one in trusted]
    return {by_program(path, *texts), by_script(path, *texts)}


def test_a_rotation_is_followed_from_either_key(tmp_path: Path) -> None:
    old, new = signers(), signers(seed=2)
    log = resealed(SealedLog(call_rows(10), steps=[5]), new, rotation(old, new))
    path = exported(log, tmp_path / "out")
    assert verdicts(path) == verdicts(path, old[0]) == verdicts(path, new[0]) == {"intact"}


def test_a_rotation_vouches_for_nothing_by_a_key_that_did_not_sign_it(tmp_path: Path) -> None:
    mine, theirs = signers(), signers(seed=4)
    forged = rotation([theirs[0], mine[1]], theirs, by=theirs[:1])
    log = resealed(SealedLog(call_rows(10)), theirs, forged)
    assert "intact" not in verdicts(exported(log, tmp_path / "out"), mine[1])


def test_a_former_key_signs_no_newest_checkpoint(tmp_path: Path) -> None:
    old, new = signers(), signers(seed=2)
    log = SealedLog(call_rows(10))
    log.keys += [str(one.key) for one in new]
    log.rotations.append(rotation(old, new))
    path = exported(log, tmp_path / "out")
    assert "intact" not in verdicts(path, new[0])


def test_a_rotation_that_the_old_key_did_not_sign_is_a_fault(tmp_path: Path) -> None:
    old, new = signers(), signers(seed=2)
    log = resealed(SealedLog(call_rows(10)), new, rotation(old, new, by=[new[0]]))
    path = exported(log, tmp_path / "out")
    assert verdicts(path, old[0]) == verdicts(path, new[0]) == {"tampered"}


def test_a_key_that_replaced_a_lost_one_is_trusted_only_when_given(tmp_path: Path) -> None:
    lost = signers(seed=3)
    log = SealedLog(call_rows(10))
    log.keys = [str(one.key) for one in (*lost, *log.signers)]
    path = exported(log, tmp_path / "out")
    assert verdicts(path, log.signers[0]) == {"intact"}
    assert verdicts(path, lost[0]) == {"cannot tell"}


def test_a_witness_that_is_asked_for_must_have_cosigned(tmp_path: Path) -> None:
    path = exported(SealedLog(call_rows(10)), tmp_path / "out")
    there = Anchors(witnesses=keys([str(witness().key)]))
    assert asyncio.run(verify_export(path, there)).verdict == "intact"
    other = SeedSigner("other.example", 4, b"o" * 32)
    report = asyncio.run(verify_export(path, Anchors(witnesses=keys([str(other.key)]))))
    assert (report.verdict, report.doubts) == (
        "cannot tell",
        ["the checkpoint carries no cosignature of other.example"],
    )


def test_a_checkpoint_from_elsewhere_must_be_contained(tmp_path: Path) -> None:
    rows = call_rows(20)
    path = exported(SealedLog(rows[:30]), tmp_path / "out")
    same, newer = SealedLog(rows[:20]).head.note, SealedLog(rows).head.note
    forked = SealedLog([*rows[:10], *rows[11:21]]).head.note

    def verdict(note: bytes) -> str:
        return asyncio.run(verify_export(path, Anchors(checkpoints=[("mine", note)]))).verdict

    assert (verdict(same), verdict(newer), verdict(forked)) == ("intact", "cannot tell", "tampered")
