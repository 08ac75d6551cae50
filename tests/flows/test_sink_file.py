"""The record in a file beside: every row, its stored bytes, whatever happens to the file."""

import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.fix_server import Serve, Served, until


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, without a line that is still being written."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def recorded(served: Served) -> set[str]:
    return {str(row["id"]) for row in served.select("SELECT id FROM audit_events")}


async def calls(served: Served, http: aiohttp.ClientSession, count: int, *, token: str = "") -> None:
    """Looks at the record through the front door: an intent and an outcome each, or a denial."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for _ in range(count):
        async with http.get(f"{served.url}/api/v1/audit/calls", headers=headers):
            pass


async def test_every_row_arrives_as_it_is_stored(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "out" / "record.jsonl"
    path.parent.mkdir()
    served = await serve(f"sinks: {{copy: {{kind: file, path: {path}, start: beginning}}}}")
    await calls(served, http, 3, token=await served.key("auditor"))
    await calls(served, http, 2)
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served))
    lines = path.read_bytes().splitlines()
    stored = [bytes(row["entry"]) for row in served.select("SELECT entry FROM audit_events")]
    assert sorted(lines) == sorted(stored)
    assert {row["kind"] for row in rows(path)} == {"intent", "outcome", "denial"}
    # The cursor follows the file, never the other way round.
    asked = "SELECT 1 FROM audit_sink_cursors WHERE boot = %s AND next = %s"
    await until(lambda: served.select(asked, served.site.recorder.boot, len(stored)))


async def test_a_file_that_was_taken_away_is_made_again(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "record.jsonl"
    served = await serve(f"sinks: {{copy: {{kind: file, path: {path}, start: beginning}}}}")
    await calls(served, http, 2)
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served))
    path.rename(tmp_path / "taken")
    before = recorded(served)
    await calls(served, http, 2)
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served) - before)
    assert {row["id"] for row in rows(path)} | {row["id"] for row in rows(tmp_path / "taken")} == recorded(
        served
    )


async def test_a_sink_whose_folder_is_missing_harms_no_call_and_catches_up(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "later" / "record.jsonl"
    served = await serve(f"sinks: {{copy: {{kind: file, path: {path}, start: beginning}}}}")
    await calls(served, http, 3)
    failing = "SELECT error FROM audit_sinks WHERE error <> ''"
    found = await until(lambda: served.select(failing))
    assert "No such file" in found[0]["error"]
    path.parent.mkdir()
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served))
    await until(lambda: not served.select(failing))


async def test_only_wanted_rows_arrive_and_without_contents(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "denials.jsonl"
    served = await serve(
        f"sinks: {{alarm: {{kind: file, path: {path}, start: beginning, contents: redact,"
        " filter: {kinds: [denial], actions: ['audit.*']}}}"
    )
    await calls(served, http, 1, token=await served.key("auditor"))
    await calls(served, http, 2)
    await until(lambda: len(rows(path)) == 2)
    for row in rows(path):
        assert (row["kind"], row["action"]) == ("denial", "audit.read")
        assert set(row["body"]["message"]) == {"sha256", "bytes"}
    # The others were passed by, so nothing waits.
    await until(
        lambda: served.select(
            "SELECT 1 FROM audit_sink_cursors WHERE next = (SELECT max(seq) + 1 FROM audit_events)"
        )
    )
