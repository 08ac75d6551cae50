"""Rows become leaves, once each, in the order of their writers; whatever does not fit stops the sealer aloud."""

import asyncio
import json
from pathlib import Path

import psycopg

from app.audit import store
from app.audit.tlog.note import parse_note
from app.audit.tlog.signing import verified
from app.db import connect
from tests.app.audit.sealing.workshop import CLOCK, Writer, root_of, workshop

KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = %s AND datname = current_database()"
)


async def test_the_first_step_makes_a_key_and_an_empty_tree(database: str, tmp_path: Path) -> None:
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        size, root, note = shop.head()
        assert (size, root) == (0, root_of([]))
        keys = [one.key for one in shop.source.load()]
        assert verified(parse_note(note), keys) == keys
        assert [key.algorithm for key in keys] == [1, 6]
        assert (tmp_path / "keys" / "record" / "signing").stat().st_mode & 0o777 == 0o600
        assert shop.state.alarms == {}


async def test_rows_of_many_writers_are_sealed_once_each(database: str, tmp_path: Path) -> None:
    async with workshop(database, tmp_path) as shop:
        writers = [Writer(database, node=f"n{number}") for number in range(3)]
        for count in (1, 300, 0, 17, 256):
            for writer in writers:
                writer.write(count)
            await shop.sealer.step()
        entries = shop.entries()
        assert len(set(entries)) == len(entries) == sum(writer.seq for writer in writers)
        assert shop.head()[:2] == (len(entries), root_of(entries))
        for writer in writers:
            seqs = [
                json.loads(entry).get("seq", 0) for entry in entries if str(writer.boot).encode() in entry
            ]
            assert seqs == list(range(writer.seq))
        assert shop.select("SELECT count(*) FROM audit_runs")[0][0] <= 10
        assert shop.state.alarms == {}


async def test_a_backlog_is_sealed_in_several_transactions(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    for _ in range(9):
        writer.write(2000)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        assert shop.head()[:2] == (18_000, root_of(shop.entries()))
        assert len(shop.select("SELECT size FROM audit_checkpoints")) == 2


async def test_a_sealer_that_starts_again_goes_on_where_the_last_one_stopped(
    database: str, tmp_path: Path
) -> None:
    writer = Writer(database)
    for count in (5, 251, 700):
        writer.write(count)
        async with workshop(database, tmp_path) as shop:
            await shop.sealer.step()
            assert shop.head()[:2] == (writer.seq, root_of(shop.entries()))


async def test_a_writer_that_is_gone_is_closed_and_opened_when_it_comes_back(
    database: str, tmp_path: Path
) -> None:
    writer = Writer(database)
    writer.write(3)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        assert shop.select("SELECT sealed FROM audit_boots") == [(False,)]
        writer.end()
        await shop.sealer.step()
        assert shop.select("SELECT sealed FROM audit_boots") == [(True,)]
        async with await connect(database, purpose="test") as conn:
            await store.insert_boot(conn, writer.boot, "n1", CLOCK.now())
        writer.write(2)
        await shop.sealer.step()
        assert shop.head()[0] == 5


async def test_a_row_removed_before_it_was_sealed_is_an_alarm_and_nothing_after_it_is_sealed(
    database: str, tmp_path: Path
) -> None:
    writer, other = Writer(database), Writer(database, node="n2")
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        writer.write(10)
        other.write(4)
        shop.tamper("DELETE FROM audit_events WHERE seq = 6 AND node = 'n1'")
        await shop.sealer.step()
        assert shop.head()[:2] == (10, root_of(shop.entries()))
        assert set(shop.state.alarms) == {"gap"}
        assert "row 6 of n1" in shop.state.alarms["gap"]
        assert [event.action for event in shop.events] == ["record.alarm.gap"]
        writer.write(1)
        other.write(1)
        await shop.sealer.step()
        assert shop.head()[0] == 11
        assert len(shop.events) == 1


async def test_a_row_inserted_twice_before_it_was_sealed_is_an_alarm(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    async with workshop(database, tmp_path) as shop:
        writer.write(5)
        writer.seq = 3
        writer.write(1)
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"gap"}
        assert shop.head()[0] <= 4


async def test_a_cursor_that_somebody_moved_is_an_alarm(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    async with workshop(database, tmp_path) as shop:
        writer.write(5)
        await shop.sealer.step()
        writer.write(5)
        shop.tamper("UPDATE audit_cursors SET seq = 8")
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"cursor"}
        assert shop.head()[0] == 5
    async with workshop(database, tmp_path) as again:
        await again.sealer.step()
        assert set(again.state.alarms) == {"cursor"}
        assert again.head()[0] == 5


async def test_a_changed_tile_is_an_alarm_and_nothing_more_is_sealed(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    writer.write(5)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
    async with workshop(database, tmp_path) as shop:
        shop.tamper("UPDATE audit_tiles SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40))")
        writer.write(1)
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"tree"}
        assert shop.head()[0] == 5


async def test_the_triggers_let_the_seal_only_grow(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    writer.write(5)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        refused = 0
        for statement in (
            "UPDATE audit_tiles SET hashes = substr(hashes, 33)",
            "UPDATE audit_heads SET size = size - 1",
            "UPDATE audit_runs SET count = count - 1",
            "UPDATE audit_cursors SET seq = seq - 1",
            "UPDATE audit_checkpoints SET note = ''",
            "DELETE FROM audit_tiles",
            "DELETE FROM audit_heads",
            "DELETE FROM audit_log_keys",
            "TRUNCATE audit_runs",
            "TRUNCATE audit_epochs CASCADE",
        ):
            try:
                shop.select(statement)
            except psycopg.errors.InsufficientPrivilege:
                refused += 1
        assert refused == 10


async def test_of_two_nodes_one_leads_and_the_other_takes_over(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    async with workshop(database, tmp_path / "a") as first:
        await first.sealer.step()
        (tmp_path / "b" / "keys").mkdir(parents=True)
        (tmp_path / "a" / "keys" / "record").rename(tmp_path / "b" / "keys" / "record")
        (tmp_path / "a" / "keys" / "record").symlink_to(tmp_path / "b" / "keys" / "record")
        async with workshop(database, tmp_path / "b") as second:
            writer.write(10)
            await asyncio.gather(first.sealer.step(), second.sealer.step())
            assert (first.state.leading, second.state.leading) == (True, False)
            assert first.head()[0] == 10
            shop_connections = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
            )
            first.select(shop_connections, "%seal")
            writer.write(10)
            for _ in range(2):
                await asyncio.gather(second.sealer.step(), first.sealer.step())
            assert first.state.leading != second.state.leading
            assert first.head()[:2] == (20, root_of(first.entries()))
            assert first.state.alarms == second.state.alarms == {}
            assert second.outside.latest() is not None
