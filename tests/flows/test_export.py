"""The record leaves as a folder that an auditor checks alone: exported, verified and proven from the shell."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fix_command import Command, Ended
from tests.fix_server import Serve, Served


class Shell:
    """`sallyport audit …` on the served site's database and data folder."""

    def __init__(self, served: Served, command: Command, folder: Path) -> None:
        self._command = command
        self.folder = folder
        profile = folder / "shell.json"
        profile.write_text(json.dumps({"database": {"url": served.site.database_url}}))
        self._options = ["--profile", str(profile), "--data", str(served.site.folder)]

    async def site(self, *words: str) -> Ended:
        return await asyncio.to_thread(self._command, "audit", *words, *self._options)

    async def alone(self, *words: str) -> Ended:
        """Without a site: what an auditor's machine has."""
        return await asyncio.to_thread(self._command, "audit", *words)

    async def script(self, path: Path, *words: str) -> tuple[int, dict[str, Any]]:
        verifier = self.folder / "their-verify.py"
        verifier.write_text((await self.alone("verifier")).out)
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-I", str(verifier), str(path), "--json", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
async def shell(serve: Serve, command: Command, tmp_path: Path) -> tuple[Served, Shell]:
    served = await serve()
    for number in range(5):
        await served.key("developer", name=f"robot-{number}")
    return served, Shell(served, command, tmp_path)


def keys_of(served: Served) -> list[str]:
    return [row["key"] for row in served.select("SELECT key FROM audit_log_keys ORDER BY turn, algorithm")]


async def test_an_export_is_verified_by_the_program_and_by_the_script_alone(
    shell: tuple[Served, Shell],
) -> None:
    served, run = shell
    made = await run.site("export", "--output", str(run.folder / "out"), "--json")
    assert (made.code, made.err) == (0, "")
    summary = json.loads(made.out)
    assert summary["rows"] == summary["to"] > 10
    assert summary["signed"]
    (key, _) = keys_of(served)
    by_program = await run.alone("verify", str(run.folder / "out"), "--key", key, "--json")
    assert by_program.code == 0, by_program
    by_script = await run.script(run.folder / "out", "--key", key)
    assert by_script[0] == 0
    assert by_script[1]["checked"]["rows"] == json.loads(by_program.out)["checked"]["rows"] == summary["rows"]
    exported = served.record("action = 'audit.read' AND resource = 'export' AND kind = 'intent'")
    assert exported[0]["actor_kind"] == "operator"


@pytest.mark.slow
async def test_a_row_is_proven_by_a_file_and_a_key(shell: tuple[Served, Shell]) -> None:
    served, run = shell
    await run.site("export", "--output", str(run.folder / "out"))  # waits until the first rows are sealed
    row = served.select("SELECT event FROM audit_leaves ORDER BY leaf LIMIT 1")
    proof = run.folder / "row.tlog-proof"
    made = await run.site("prove", str(row[0]["event"]), "--output", str(proof))
    assert (made.code, made.err) == (0, "")
    (key, _) = keys_of(served)
    assert (await run.alone("check-proof", str(proof), "--key", key)).code == 0
    assert (await run.script(proof, "--key", key))[0] == 0
    entry = run.folder / "row.entry"
    entry.write_bytes(entry.read_bytes().replace(b'"kind":"', b'"kind": "'))
    assert (await run.alone("check-proof", str(proof))).code == 1
    assert (await run.script(proof))[0] == 1


@pytest.mark.slow
async def test_a_month_without_rows_is_an_empty_export(shell: tuple[Served, Shell]) -> None:
    served, run = shell
    made = await run.site("export", "--output", str(run.folder / "old"), "--month", "2020-12", "--json")
    assert (made.code, json.loads(made.out)["rows"]) == (0, 0)
    assert (await run.alone("verify", str(run.folder / "old"), "--key", keys_of(served)[0])).code == 0


@pytest.mark.slow
async def test_what_cannot_be_judged_is_not_called_tampered(shell: tuple[Served, Shell]) -> None:
    _, run = shell
    await run.site("export", "--output", str(run.folder / "out"))
    empty = run.folder / "empty"
    empty.mkdir()
    for words in (("verify", str(empty)), ("verify", str(run.folder / "out"), "--key", "/nowhere/log.vkey")):
        assert (await run.alone(*words)).code == 2
    assert (await run.script(empty))[0] == 2


async def test_an_export_replaces_nothing(shell: tuple[Served, Shell]) -> None:
    _, run = shell
    (run.folder / "there").mkdir()
    refused = await run.site("export", "--output", str(run.folder / "there"))
    assert refused.code == 2
    assert "already there" in refused.err
    assert list((run.folder / "there").iterdir()) == []


@pytest.mark.slow
async def test_the_record_of_a_serving_site_is_verified_in_place(shell: tuple[Served, Shell]) -> None:
    served, run = shell
    await run.site("export", "--output", str(run.folder / "out"))
    found = await run.site("verify", "--json", "--key", keys_of(served)[0])
    report = json.loads(found.out)
    assert (found.code, report["faults"]) == (0, [])
    assert report["checked"]["rows"] > 10
    assert report["checked"]["checkpoints outside"] >= 1
