"""A database that was put back is found; once that is declared, what was lost is said and nothing else."""

import json
from pathlib import Path

from app.audit.verify import Anchors, Connections, Report, Surroundings, verify_database
from app.db import connect
from tests.app.audit.sealing.test_restore import Backup, backup, declared
from tests.app.audit.sealing.workshop import Workshop, Writer, workshop

__all__ = ["backup"]


async def verified(shop: Workshop) -> Report:
    """By the tables and everything that was published."""
    lines = shop.outside.file.read_text().splitlines()
    found = [(f"line {n}", json.loads(line)["checkpoint"].encode()) for n, line in enumerate(lines)]
    found.append(("head", shop.outside.head.read_bytes()))
    async with (
        await connect(shop.url, purpose="test") as ahead,
        await connect(shop.url, purpose="test") as other,
    ):
        return await verify_database(
            Connections(ahead, other), Anchors(), Surroundings(checkpoints=found), lambda *_: None
        )


async def test_a_restore_is_a_fault_until_it_is_declared(backup: Backup, tmp_path: Path) -> None:
    writer = Writer(backup.url)
    writer.write(5)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
    backup.keep()
    Writer(backup.url, node="n2").write(7)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        assert (await verified(shop)).verdict == "intact"
    backup.put_back()
    async with workshop(backup.url, tmp_path) as shop:
        report = await verified(shop)
        assert report.verdict == "tampered"
        assert any("the database is older than head" in fault.what for fault in report.faults)
        await declared(shop)
    Writer(backup.url, node="n3").write(4)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        report = await verified(shop)
    assert (report.verdict, report.faults) == ("intact", [])
    assert any("rows that a declared restore has lost" in notice for notice in report.notices)
    assert report.checked["rows"] == 5 + 1 + 4


async def test_a_row_that_went_before_it_was_sealed_is_a_fault_until_it_is_declared(
    backup: Backup, tmp_path: Path
) -> None:
    writer = Writer(backup.url)
    writer.write(6)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        writer.write(6)
        shop.tamper("DELETE FROM audit_events WHERE seq = 8")
        await shop.sealer.step()
        assert "gap" in shop.state.alarms
        report = await verified(shop)
        assert report.verdict == "tampered"
        assert [fault.what for fault in report.faults] == [
            "the rows from number 8 on are missing before this one"
        ]
        await shop.sealer._give_up()
        await declared(shop, "a row was lost")
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        report = await verified(shop)
    assert (report.verdict, report.faults) == ("intact", [])
    assert f"1 rows of boot {writer.boot} were lost by a declared restore" in report.notices
