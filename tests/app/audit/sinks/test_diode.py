"""Numbered, signed files: what the far side can tell from them."""

from pathlib import Path

import pytest

from app.audit.sinks.diode.receiving import check_folder
from app.audit.sinks.diode.signing import diode_signer, sign_note
from app.audit.sinks.diode.transport import DiodeTransport
from app.audit.tlog.note import VerifierKey
from app.core.errors import ConfigError, DeliveryError


class Gate:
    """A diode's near side with its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "out"
        self.folder.mkdir()
        self._signer = diode_signer(folder / "keys" / "diode", node="node-1")
        self.key: VerifierKey = self._signer.key

    def transport(self, **state: str) -> DiodeTransport:
        return DiodeTransport(
            folder=self.folder, stream="gate", sign=lambda text: sign_note(self._signer, text), state=state
        )

    def faults(self) -> dict[int, str]:
        return {
            found.number: found.fault
            for found in check_folder(self.folder, key=self.key, stream="gate")
            if found.fault
        }


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


async def filled(gate: Gate, count: int = 4) -> DiodeTransport:
    transport = gate.transport()
    for number in range(count):
        await transport.send([f'{{"row":{number}}}'.encode(), b'{"row":"x"}'])
    return transport


async def test_what_was_written_is_whole_and_numbers_go_on_after_a_restart(gate: Gate) -> None:
    first = await filled(gate)
    assert await first.acknowledged(wait=False) == 4
    again = gate.transport(**dict(first.state))
    await again.send([b"{}"])
    found = list(check_folder(gate.folder, key=gate.key, stream="gate"))
    assert [(entry.number, entry.rows, entry.fault) for entry in found] == [
        (1, 2, ""), (2, 2, ""), (3, 2, ""), (4, 2, ""), (5, 1, ""),
    ]  # fmt: skip
    assert sorted(path.name for path in gate.folder.iterdir() if path.name.startswith(".")) == []


async def test_a_missing_number_is_seen(gate: Gate) -> None:
    await filled(gate)
    for path in gate.folder.glob("000000000002.*"):
        path.unlink()
    assert gate.faults() == {2: "missing"}


async def test_changed_rows_are_seen(gate: Gate) -> None:
    await filled(gate)
    path = gate.folder / "000000000003.rows"
    path.write_bytes(path.read_bytes().replace(b"x", b"y"))
    assert gate.faults() == {3: "the rows are not those that were signed"}


async def test_a_number_that_stands_under_another_name_is_seen(gate: Gate) -> None:
    await filled(gate)
    for kind in ("rows", "note"):
        (gate.folder / f"000000000004.{kind}").rename(gate.folder / f"000000000005.{kind}")
    assert gate.faults()[4] == "missing"
    assert gate.faults()[5] == "the note is of number 4 of gate"


async def test_files_of_another_key_are_seen(gate: Gate, tmp_path: Path) -> None:
    await filled(gate)
    (tmp_path / "other").mkdir()
    other = Gate(tmp_path / "other")
    await filled(other, 2)
    for path in other.folder.glob("000000000002.*"):
        path.replace(gate.folder / path.name)
    assert set(gate.faults()) == {2}


async def test_a_file_written_again_with_more_rows_is_the_one_its_successor_names(gate: Gate) -> None:
    crashed = gate.transport()
    await crashed.send([b"{}"])
    again = gate.transport()  # the cursor was not saved
    await again.send([b"{}", b"{}"])
    await again.send([b"{}"])
    assert gate.faults() == {}


async def test_a_folder_that_takes_no_files_says_so(gate: Gate) -> None:
    transport = gate.transport()
    gate.folder.rename(gate.folder.with_name("gone"))
    with pytest.raises(DeliveryError, match="cannot be written"):
        await transport.send([b"{}"])
    assert transport.state["number"] == "0"


def test_the_key_is_private_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "diode"
    first = diode_signer(path, node="n").key
    assert path.stat().st_mode & 0o777 == 0o600
    assert diode_signer(path, node="n").key == first
    path.write_text("nonsense")
    with pytest.raises(ConfigError, match="cannot be used"):
        diode_signer(path, node="n")
