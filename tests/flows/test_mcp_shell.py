"""`sallyport mcp`: the operator sees and tries tool servers under the same policy and record."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from app.db import connect
from tests.fix_tools import SAMPLE

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


async def sallyport(database: str, folder: Path, *arguments: str) -> tuple[int, Any, str]:
    """Exit code, decoded JSON output (or None) and standard error of one command."""
    profile = folder / "profile.yaml"
    command = json.dumps(list(SAMPLE.command))
    gone = "gone: {url: 'http://127.0.0.1:1/mcp'}"
    profile.write_text(
        f"mcp:\n  servers:\n    sample: {{command: {command}, folder: {SAMPLE.folder}}}\n    {gone}\n"
    )
    environment = {**os.environ, "SALLYPORT_DATABASE_URL": database}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "mcp", *arguments, "--data", str(folder), "--json",
        cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, json.loads(out) if out.strip() else None, err.decode()


async def test_servers_are_listed_and_tried(database: str, tmp_path: Path):
    code, listed, _ = await sallyport(database, tmp_path, "list")
    assert (code, [row["name"] for row in listed]) == (0, ["gone", "sample"])
    code, states, _ = await sallyport(database, tmp_path, "check")
    assert code == 0
    assert [(row["name"], row["ok"]) for row in states] == [
        ("gone", False),
        ("sallyport", True),
        ("sample", True),
    ]
    assert "cannot be reached" in states[0]["error"]
    assert states[2]["server"] == "ticket-desk 1.0.0"


async def test_operator_is_governed_too(database: str, tmp_path: Path):
    code, _, err = await sallyport(database, tmp_path, "call", "sample", "lookup_ticket", '{"id": "T-1"}')
    assert code == 1
    assert "Denied" in err
    assert "sallyport audit trace" in err
    code, tools, _ = await sallyport(database, tmp_path, "tools", "sample")
    assert (code, tools) == (0, [])
    async with await connect(database, purpose="test") as conn:
        cursor = await conn.execute(
            "SELECT door, actor_kind, decision, resource FROM audit_events WHERE action = 'tool.call'"
        )
        rows = await cursor.fetchall()
    assert rows == [("cli", "operator", "forbid", "sample/lookup_ticket")]


async def test_mistakes_are_named(database: str, tmp_path: Path):
    code, _, err = await sallyport(database, tmp_path, "tools", "nowhere")
    assert (code, "nowhere" in err) == (3, True)
    code, _, err = await sallyport(database, tmp_path, "call", "sample", "lookup_ticket", "[1]")
    assert (code, "JSON object" in err) == (2, True)
