"""No false alarm: what was dropped, erased, rotated, killed or written by several at once verifies clean, in words."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.audit.verify import Anchors, Connections, Report, Surroundings, verify_database
from app.db import connect
from tests.app.audit.sealing.workshop import Writer, workshop
from tests.fix_command import Command
from tests.fix_server import Serve, Served, until
from tests.flows.test_erasure import NAME, WORDS, Person, person
from tests.flows.test_export import Shell, keys_of
from tests.flows.test_retention import history
from tests.flows.test_retention import run as run_retention

pytestmark = pytest.mark.slow

__all__ = ["person"]
WRITE_UNTIL_KILLED = """
import sys
from tests.app.audit.sealing.workshop import Writer
writer = Writer(sys.argv[1], node=sys.argv[2])
print("ready", flush=True)
while True:
    writer.write(3)
"""


def writing(url: str, node: str) -> subprocess.Popen[bytes]:
    """A process that writes rows until it is killed."""
    words = [sys.executable, "-c", WRITE_UNTIL_KILLED, url, node]
    return subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


async def verified(url: str, outside: Any) -> Report:
    found = [(str(outside.head), outside.head.read_bytes())]
    async with await connect(url, purpose="test") as ahead, await connect(url, purpose="test") as other:
        around = Surroundings(checkpoints=found)
        return await verify_database(Connections(ahead, other), Anchors(), around, lambda *_: None)


async def everywhere(served: Served, shell: Shell, name: str) -> list[dict[str, Any]]:
    """The reports of the tables, of an export by the program, and of the same by the script."""
    key = keys_of(served)[0]
    out = shell.folder / name
    made = await shell.site("export", "--output", str(out))
    assert made.code == 0, made.err
    stored = await shell.site("verify", "--key", key, "--json")
    exported = await shell.alone("verify", str(out), "--key", key, "--json")
    _, by_script = await shell.script(out, "--key", key)
    reports = [json.loads(stored.out), json.loads(exported.out), by_script]
    for report in reports:
        assert (report["verdict"], report["faults"], report["doubts"]) == ("intact", [], [])
    return reports


async def test_dropped_months_are_said_to_be_dropped(serve: Serve, command: Command, tmp_path: Path) -> None:
    served = await history(serve)
    shell = Shell(served, command, tmp_path)
    await everywhere(served, shell, "before")
    old = served.select("SELECT event FROM audit_leaves ORDER BY time LIMIT 1")[0]["event"]
    proof = tmp_path / "old.tlog-proof"
    assert (await shell.site("prove", str(old), "--output", str(proof))).code == 0
    removed = sum(one.rows for one in await run_retention(served))
    assert removed > 0
    for report in await everywhere(served, shell, "after"):
        assert f"{removed} rows were dropped under a signed statement" in report["notices"]
    assert (await shell.alone("check-proof", str(proof), "--key", keys_of(served)[0])).code == 0
    kept = await shell.alone(
        "verify", str(tmp_path / "after"), "--checkpoint", str(tmp_path / "before" / "checkpoint")
    )
    assert kept.code == 0


async def test_a_row_dropped_without_a_statement_is_a_row_removed(
    serve: Serve, command: Command, tmp_path: Path
) -> None:
    served = await history(serve)
    shell = Shell(served, command, tmp_path)
    await run_retention(served)
    (served.site.folder / "record" / "statements").write_bytes(b"")
    found = await shell.site("verify", "--json")
    assert found.code == 1
    assert {fault["what"] for fault in json.loads(found.out)["faults"]} >= {"the row was removed"}


async def test_writers_at_once_and_a_sealer_under_way_are_no_fault(database: str, tmp_path: Path) -> None:
    writers = [Writer(database, node=f"n{number}") for number in range(4)]
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        reports = []
        for turn in range(6):
            for writer in writers:
                writer.write(1 + turn * 7 % 5)
            step = asyncio.create_task(shop.sealer.step())
            reports.append(await verified(database, shop.outside))
            await step
        await shop.sealer.step()
        reports.append(await verified(database, shop.outside))
    assert [(report.verdict, report.faults) for report in reports] == [("intact", [])] * 7
    assert reports[-1].checked["rows"] == sum(writer.seq for writer in writers)


async def test_a_new_key_is_followed_from_the_old_one(serve: Serve, command: Command, tmp_path: Path) -> None:
    served = await serve()
    shell = Shell(served, command, tmp_path)
    await everywhere(served, shell, "before")
    rotated = await shell.site("rotate-key")
    assert rotated.code == 0, rotated.err
    await served.key("developer", name="after")
    await until(lambda: not served.select("SELECT FROM audit_events WHERE NOT audit_is_sealed(boot, seq)"))
    await everywhere(served, shell, "after")
    newest = keys_of(served)[2]
    assert (await shell.alone("verify", str(tmp_path / "after"), "--key", newest)).code == 0
    assert (await shell.alone("verify", str(tmp_path / "before"), "--key", newest)).code == 2


async def test_an_erased_person_is_shredded_and_nothing_else(
    person: Person, command: Command, tmp_path: Path
) -> None:
    await person.desk.call("lookup_ticket", id=WORDS)
    await person.desk.call("lookup_ticket", id="x" * 30_000 + WORDS)
    shell = Shell(person.served, command, tmp_path)
    subject = person.subject
    await everywhere(person.served, shell, "before")
    made = await shell.site("export", "--output", str(tmp_path / "open"), "--reveal")
    assert made.code == 0, made.err
    opened = [json.loads(line) for line in (tmp_path / "open" / "revealed.jsonl").read_text().splitlines()]
    assert {row["actor"] for row in opened if row["action"] == "tool.call" and row["kind"] == "intent"} == {
        NAME
    }
    assert (await shell.alone("verify", str(tmp_path / "open"))).code == 0
    await person.erase(also_disable=True)
    for report in await everywhere(person.served, shell, "after"):
        (notice,) = [notice for notice in report["notices"] if notice.startswith("shredded")]
        assert "about 1 erased persons are intact" in notice
    exported = b"".join(path.read_bytes() for path in (tmp_path / "after").rglob("*") if path.is_file())
    assert subject.encode() in exported
    assert WORDS.encode() not in exported
    assert NAME.encode() not in exported


@pytest.mark.slow
async def test_killed_writers_leave_no_fault(database: str, tmp_path: Path) -> None:
    async with workshop(database, tmp_path) as shop:
        for turn in range(3):
            children = [writing(database, f"n{turn}-{number}") for number in range(2)]
            for child in children:
                assert child.stdout is not None
                await asyncio.to_thread(child.stdout.readline)
            for _ in range(4):
                await shop.sealer.step()
            for child in children:
                child.send_signal(signal.SIGKILL)
                await asyncio.to_thread(child.wait)
            assert (await verified(database, shop.outside)).verdict == "intact"
        await shop.sealer.step()
        report = await verified(database, shop.outside)
    with psycopg.connect(database) as conn:
        (rows,) = conn.execute("SELECT count(*) FROM audit_events").fetchone() or (0,)
    assert (report.verdict, report.faults) == ("intact", [])
    assert report.checked["rows"] == rows > 0
