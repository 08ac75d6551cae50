"""What leaves the database is whole, is read back, and is said once."""

import json
import socket
from pathlib import Path

import pytest

from app.audit.sealing.outside import Claim, Outside
from app.audit.signing.keys import new_signers
from app.audit.tlog.checkpoint import Checkpoint
from app.audit.tlog.note import Note
from app.audit.tlog.signing import signed
from app.core.errors import ProofError
from tests.app.audit.sealing.workshop import CLOCK

SIGNERS = new_signers("log.example/audit")


def note(size: int, origin: str = "log.example/audit") -> Note:
    return signed(str(Checkpoint(origin, size, bytes(32))), SIGNERS, seconds=1)


def outside(folder: Path, syslog: str = "") -> Outside:
    return Outside(folder=folder, file="", syslog=syslog)


def sizes(place: Outside) -> list[int]:
    lines = place.file.read_text(encoding="utf-8").splitlines()
    return [int(json.loads(line)["checkpoint"].split("\n")[1]) for line in lines]


def test_the_newest_is_read_back_by_the_next_process(tmp_path: Path) -> None:
    place = outside(tmp_path)
    assert place.latest() is None
    place.publish(note(3), now=CLOCK.now(), keep=True)
    place.publish(note(5), now=CLOCK.now(), keep=False)
    latest = outside(tmp_path).latest()
    assert latest is not None
    assert latest.checkpoint.size == 5
    assert sizes(place) == [3]


def test_without_the_head_file_the_append_only_file_still_bears_witness(tmp_path: Path) -> None:
    place = outside(tmp_path)
    place.publish(note(3), now=CLOCK.now(), keep=True)
    place.publish(note(9), now=CLOCK.now(), keep=True)
    place.cosigned(note(3), "— tower AAAAAAAA\n", now=CLOCK.now())
    place.head.unlink()
    latest = outside(tmp_path).latest()
    assert latest is not None
    assert latest.checkpoint.size == 9


def test_a_line_that_a_crash_cut_off_harms_no_other(tmp_path: Path) -> None:
    place = outside(tmp_path)
    place.publish(note(3), now=CLOCK.now(), keep=True)
    with place.file.open("ab") as file:
        file.write(b'{"checkpoint":"log.exa')
    again = outside(tmp_path)
    latest = again.latest()
    assert latest is not None
    assert latest.checkpoint.size == 3
    again.publish(note(4), now=CLOCK.now(), keep=True)
    whole = [line for line in place.file.read_bytes().splitlines() if line.endswith(b"}")]
    assert len(whole) == 2


def test_the_same_checkpoint_is_kept_once(tmp_path: Path) -> None:
    for _ in range(3):
        place = outside(tmp_path)
        place.latest()
        place.publish(note(3), now=CLOCK.now(), keep=True)
    assert sizes(outside(tmp_path)) == [3]


def test_a_later_tree_counts_more_than_a_larger_one(tmp_path: Path) -> None:
    place = outside(tmp_path)
    place.publish(note(900), now=CLOCK.now(), keep=True)
    place.publish(note(1, "log.example/audit/2"), now=CLOCK.now(), keep=False)
    latest = outside(tmp_path).latest()
    assert latest is not None
    assert latest.checkpoint.origin == "log.example/audit/2"


def test_a_head_that_is_no_checkpoint_is_an_error_and_not_a_new_beginning(tmp_path: Path) -> None:
    place = outside(tmp_path)
    place.publish(note(3), now=CLOCK.now(), keep=True)
    place.head.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ProofError, match="cannot be read"):
        outside(tmp_path).latest()


def test_syslog_gets_a_line_of_rfc_5424_for_each_that_is_kept(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        daemon.settimeout(5)
        place = outside(tmp_path, syslog=str(tmp_path / "log"))
        place.publish(note(3), now=CLOCK.now(), keep=False)
        place.publish(note(4), now=CLOCK.now(), keep=True)
        words = daemon.recv(4096).decode().split(" ")
    assert words[0] == "<109>1"
    assert words[3:8] == ["sallyport", "-", "CHECKPOINT", "-", "checkpoint"]
    assert words[8:12] == ["log.example/audit", "size", "4", "root"]
    place.publish(note(5), now=CLOCK.now(), keep=True)  # nobody listens any more
    assert sizes(place) == [4, 5]


def test_what_a_witness_says_is_remembered_once(tmp_path: Path) -> None:
    claim = Claim("tower", "log.example/audit", 9, False)
    (tmp_path / "record").mkdir()
    for _ in range(2):
        outside(tmp_path).claim(claim)
    assert outside(tmp_path).claims() == [claim]
