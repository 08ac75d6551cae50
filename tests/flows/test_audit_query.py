"""An auditor asks the record on the host and over the API, gets pages, CSV and JSON, and each question is recorded."""

import asyncio
import csv
import io
import json
import signal
import subprocess
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import pytest

from tests.fix_api import Api
from tests.fix_process import ROOT, Program, clean, until
from tests.fix_server import Serve, Served


class Shell:
    """The command line on a site's database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.program = Program(folder, database=database.replace('"', ""))

    def query(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.program.run("audit", "query", *options)

    def start(self, out: BinaryIO, *options: str) -> subprocess.Popen[bytes]:
        command = self.program.command("audit", "query", *options)
        return subprocess.Popen(command, cwd=ROOT, env=clean(), stdout=out, stderr=subprocess.DEVNULL)

    def lines(self, *options: str) -> list[dict[str, Any]]:
        done = self.query("--format", "jsonl", "--columns", "all", *options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
async def served(serve: Serve, http: aiohttp.ClientSession) -> Served:
    """A site where a developer made a few calls and was refused others."""
    made = await serve()
    key = await made.key("developer", name="dora")
    for number in range(5):
        headers = {"Authorization": f"Bearer {key}", "User-Agent": f"=client/{number}"}
        async with http.get(f"{made.url}/api/v1/audit/calls", headers=headers) as answer:
            assert answer.status == 403
        async with http.get(f"{made.url}/v1/models", headers=headers) as answer:
            assert answer.status == 200
    return made


@pytest.fixture
def shell(served: Served, database: str, tmp_path: Path) -> Shell:
    folder = tmp_path / "shell"
    folder.mkdir()
    return Shell(folder, database)


@pytest.mark.slow
async def test_host_asks_and_every_question_is_recorded(served: Served, shell: Shell) -> None:
    denied = await asyncio.to_thread(
        shell.lines, "--decision", "forbid", "--client", "=client/*", "--since", "1h"
    )
    assert [line["client"] for line in denied] == [f"=client/{number}" for number in (4, 3, 2, 1, 0)]
    assert {line["status"] for line in denied} == {"denied"}
    none = await asyncio.to_thread(shell.lines, "--decision", "forbid", "--until", "yesterday")
    assert none == []
    asked = served.record("action = 'audit.read' AND door = 'cli' AND kind = 'intent'")
    assert asked[0]["resource"] == "query"
    assert asked[0]["body"]["arguments"]["client"] == "=client/*"
    assert asked[0]["body"]["arguments"]["since"].startswith("20")
    outcomes = served.record("kind = 'outcome' AND call = %s", asked[0]["call"])
    assert outcomes[0]["body"]["result"] == {"lines": 5}


@pytest.mark.slow
async def test_pages_go_on_where_the_one_before_ended(served: Served, shell: Shell) -> None:
    options = ("--client", "=client/*", "--limit", "4", "--format", "jsonl")
    clients: list[str] = []
    after: list[str] = []
    for _ in range(3):
        done = await asyncio.to_thread(shell.query, *options, *after)
        clients += [json.loads(line)["id"] for line in done.stdout.splitlines()]
        after = done.stderr.split()[-2:] if "There is more" in done.stderr else []
    assert after == []
    assert len(clients) == len(set(clients)) == 10
    wrong = await asyncio.to_thread(shell.query, "--after", "nonsense")
    assert (wrong.returncode, "not one of this record" in wrong.stderr) == (2, True)


@pytest.mark.slow
async def test_csv_cells_are_no_formulas_and_lines_are_whole(served: Served, shell: Shell) -> None:
    done = await asyncio.to_thread(shell.query, "--client", "=client/*", "--format", "csv", "--all")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert len(rows) == len(done.stdout.splitlines()) - 1 == 10
    assert {row["client"] for row in rows} == {f"'=client/{number}" for number in range(5)}


@pytest.mark.slow
async def test_zone_columns_and_mistakes(served: Served, shell: Shell) -> None:
    done = await asyncio.to_thread(
        shell.query, "--zone", "+09:00", "--columns", "time,actor", "--on", "today"
    )
    assert done.stdout.splitlines()[0].split() == ["TIME", "ACTOR"]
    assert "+09:00" in done.stdout.splitlines()[1]
    for wrong in (
        ("--since", "soon"),
        ("--columns", "name"),
        ("--on", "2026", "--since", "1h"),
        ("--follow", "--format", "json"),
        ("--argument", "x"),
        ("--arguments", '{"a":1,"a":2}'),
        ("--zone", "Nowhere"),
    ):
        failed = await asyncio.to_thread(shell.query, *wrong)
        assert failed.returncode == 2, wrong
        assert failed.stderr.startswith("sallyport: "), failed.stderr


@pytest.mark.slow
async def test_follow_tells_what_ends_from_now_on(
    served: Served, shell: Shell, http: aiohttp.ClientSession
) -> None:
    out = shell.program.folder / "followed"
    with out.open("wb") as file:
        following = shell.start(file, "--follow", "--format", "jsonl", "--door", "gateway")
    try:
        await asyncio.to_thread(
            until, lambda: served.record("door = 'cli' AND action = 'audit.read' AND kind = 'intent'")
        )
        key = await served.key("developer", name="late")

        async def call() -> str:
            async with http.get(
                f"{served.url}/v1/models", headers={"Authorization": f"Bearer {key}"}
            ) as answer:
                assert answer.status == 200
            return out.read_text(encoding="utf-8")

        async with asyncio.timeout(20):
            while "late" not in await call():
                await asyncio.sleep(0.1)
    finally:
        following.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(following.wait, 20) == 1
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {(line["actor"], line["status"]) for line in lines} == {("late", "ok")}
    assert len({line["id"] for line in lines}) == len(lines)


async def test_api_gives_the_same_answers_in_pages(served: Served, http: aiohttp.ClientSession) -> None:
    key = await served.key("auditor", name="eve")
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        query = {"client": "=client/*", "limit": "4", "cursor": cursor, "since": "2h", "bodies": "true"}
        async with http.get(
            f"{served.url}/api/v1/audit/query", params=query, headers={"Authorization": f"Bearer {key}"}
        ) as answer:
            assert answer.status == 200, await answer.text()
            page = await answer.json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len({line["id"] for line in found}) == len(found) == 10
    asked = served.record("action = 'audit.read' AND actor = 'eve' AND kind = 'intent'")
    assert len(asked) == 3
    assert asked[0]["body"]["arguments"]["client"] == "=client/*"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("since=soon", "not a point in time"),
        ("status=ok,fine", "not a status"),
        ("arguments=[1]", "must be a JSON object"),
        ("cursor=abc", "cursor is not one"),
        ("actor=a&colour=blue", "colour"),
        ("min_latency_us=-1", "min_latency_us"),
    ],
)  # fmt: skip
async def test_api_refuses_what_cannot_be_asked(
    serve: Serve, http: aiohttp.ClientSession, query: str, why: str
) -> None:
    served = await serve()
    headers = {"Authorization": f"Bearer {await served.key('auditor', name='eve')}"}
    async with http.get(f"{served.url}/api/v1/audit/query?{query}", headers=headers) as answer:
        assert (answer.status, why in await answer.text()) == (400, True), await answer.text()


@pytest.mark.parametrize("name", ["dora", "dor*"])
async def test_persons_are_found_by_name_although_their_rows_hold_none(api: Api, name: str) -> None:
    assert (await api.ask("GET", "/api/v1/users", who="dora")).status == 403
    sealed = api.served.select("SELECT actor, subject FROM audit_events WHERE kind = 'denial'")
    assert [(row["actor"], row["subject"] is not None) for row in sealed] == [(None, True)]
    answer = await api.ask(
        "GET", f"/api/v1/audit/query?actor={name}&decision=forbid&bodies=true", who="grace"
    )
    assert [line["actor"] for line in answer.body["items"]] == ["dora"]
    nobody = await api.ask("GET", "/api/v1/audit/query?actor=nobody&decision=forbid", who="grace")
    assert nobody.body["items"] == []
