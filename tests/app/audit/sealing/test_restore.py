"""A database put back to yesterday is found, stops the seal, and goes on only in a tree that says so."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.audit.sealing.restore import declare, find_break
from app.audit.tlog.checkpoint import parse_checkpoint
from app.audit.tlog.note import parse_note
from app.core.errors import ConflictError
from app.db import connect
from tests.app.audit.sealing.workshop import CLOCK, Workshop, Writer, root_of, workshop


class Backup:
    """A database that can be kept as it is and put back later."""

    def __init__(self, postgres: str, url: str) -> None:
        self._postgres = postgres
        self._name = conninfo_to_dict(url)["dbname"]
        self.url = make_conninfo(postgres, dbname=str(self._name))

    def keep(self) -> None:
        self._run(f"CREATE DATABASE {self._name}_kept TEMPLATE {self._name}")

    def put_back(self) -> None:
        self._run(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._run(f"CREATE DATABASE {self._name} TEMPLATE {self._name}_kept")

    def forget(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS {self._name}_kept")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._postgres, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (self._name,)
            )
            conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.fixture
def backup(postgres: str, database: str) -> Iterator[Backup]:
    made = Backup(postgres, database)
    yield made
    made.forget()


async def declared(shop: Workshop, reason: str = "disk lost") -> str:
    parts = {"source": shop.source, "outside": shop.outside}
    async with await connect(shop.url, purpose="ceremony") as conn:
        broken = await find_break(conn, **parts)
        return (await declare(conn, broken, reason=reason, node="n1", clock=CLOCK, **parts)).origin


async def test_an_older_database_stops_the_seal_until_the_restore_is_declared(
    backup: Backup, tmp_path: Path
) -> None:
    writer = Writer(backup.url)
    writer.write(5)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        before = shop.head()
    backup.keep()
    Writer(backup.url, node="n2").write(7)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        lost = shop.head()
        assert lost[0] == 12
    backup.put_back()

    later = Writer(backup.url, node="n3")
    later.write(2)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"rollback"}
        assert "12 leaves" in shop.state.alarms["rollback"]
        assert [event.action for event in shop.events] == ["record.alarm.rollback"]
        assert shop.head() == before
        origin = await declared(shop)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        assert shop.state.alarms == {}
        size, root, note = shop.head(2)
        entries = shop.entries(2)
        assert (size, root) == (3, root_of(entries))
        assert parse_checkpoint(parse_note(note).text).origin == origin
        first = json.loads(entries[0])
        assert first["action"] == "record.restore"
        assert first["body"]["reason"] == "disk lost"
        assert (first["body"]["previous"]["size"], first["body"]["restored"]["size"]) == (12, 5)
        assert shop.head() == before
        latest = shop.outside.latest()
        assert latest is not None
        assert latest.checkpoint.origin == origin


async def test_no_two_trees_were_ever_signed_under_one_origin(backup: Backup, tmp_path: Path) -> None:
    Writer(backup.url).write(5)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
    backup.keep()
    for node in ("n2", "n3", "n4"):
        Writer(backup.url, node=node).write(3)
        async with workshop(backup.url, tmp_path) as shop:
            await shop.sealer.step()
        backup.put_back()
        async with workshop(backup.url, tmp_path) as shop:
            await shop.sealer.step()
            await declared(shop)
            await shop.sealer.step()
    lines = (tmp_path / "record" / "checkpoints").read_text(encoding="utf-8").splitlines()
    signed = [parse_checkpoint(parse_note(json.loads(line)["checkpoint"]).text) for line in lines]
    roots: dict[tuple[str, int], set[bytes]] = {}
    for one in signed:
        roots.setdefault((one.origin, one.size), set()).add(one.root)
    assert {len(found) for found in roots.values()} == {1}
    assert [one.origin.rpartition("/")[2] for one in signed if one.size == 1] == ["2", "3", "4"]


async def test_an_empty_database_in_place_of_the_record_is_found(backup: Backup, tmp_path: Path) -> None:
    backup.keep()
    Writer(backup.url).write(5)
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
    backup.put_back()
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"rollback"}
        assert shop.select("SELECT count(*) FROM audit_epochs") == [(0,)]
        assert (await declared(shop)).endswith("/audit/2")
        shop.sealer._rest_until = 0
        await shop.sealer.step()
        assert shop.state.alarms == {}


async def test_a_tree_that_was_rewritten_from_the_beginning_is_found(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    writer.write(5)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        (tmp_path / "other").mkdir()
        tables = "audit_cursors, audit_runs, audit_tiles, audit_heads, audit_cosignatures, audit_checkpoints"
        shop.tamper(
            f"TRUNCATE {tables}, audit_log_keys, audit_epochs",
            "DELETE FROM audit_events WHERE seq = 4",
        )
    (tmp_path / "other" / "keys").mkdir()
    (tmp_path / "keys" / "record").rename(tmp_path / "other" / "keys" / "record")
    async with workshop(database, tmp_path / "other") as forger:
        await forger.sealer.step()
        writer.seq = 4
        writer.write(9)
        await forger.sealer.step()
        assert forger.head()[0] == 13
    (tmp_path / "other" / "keys" / "record").rename(tmp_path / "keys" / "record")
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"fork"}


async def test_nothing_is_declared_while_nothing_is_broken(database: str, tmp_path: Path) -> None:
    Writer(database).write(5)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        with pytest.raises(ConflictError):
            await declared(shop)


async def test_rows_that_are_gone_are_declared_and_the_writer_goes_on(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        writer.write(10)
        shop.tamper("DELETE FROM audit_events WHERE seq IN (2, 3, 7)")
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"gap"}
        await shop.sealer._give_up()
        await declared(shop, "an operator removed three rows")
        await shop.sealer.step()
        assert shop.state.alarms == {}
        entries = shop.entries() + shop.entries(2)
        seqs = [
            json.loads(entry).get("seq", 0)
            for entry in entries
            if f'"boot":"{writer.boot}"'.encode() in entry
        ]
        assert sorted(seqs) == [0, 1, 4, 5, 6, 8, 9]
        assert shop.head(2)[:2] == (len(shop.entries(2)), root_of(shop.entries(2)))


async def test_a_forged_word_of_a_restore_is_not_believed(backup: Backup, tmp_path: Path) -> None:
    Writer(backup.url).write(5)
    backup.keep()
    async with workshop(backup.url, tmp_path) as shop:
        await shop.sealer.step()
        origin = shop.state.origin
    backup.put_back()
    async with workshop(backup.url, tmp_path) as shop:
        shop.select(
            "INSERT INTO audit_epochs (epoch, origin, statement) VALUES (2, %s, %s)",
            f"{origin}/2",
            f"previous {origin} 5\n",
        )
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"rollback"}
