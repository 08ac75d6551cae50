"""What an operator does with sinks: pause, go on, send again, forget; and what the site says of one that lags."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fix_api import Api
from tests.fix_server import Serve, Served, until
from tests.flows.test_sink_file import calls, recorded, rows

pytestmark = pytest.mark.slow

PROFILE = "sinks: {{copy: {{kind: file, path: {path}, start: {start}, behind_after: {behind}}}}}"


def profile(path: Path, *, start: str = "beginning", behind: float = 300.0) -> str:
    return PROFILE.format(path=path, start=start, behind=behind)


async def ask(served: Served, http: aiohttp.ClientSession, method: str, path: str, **more: Any) -> Any:
    token = await served.key("administrator", name="root")
    async with http.request(
        method, served.url + path, headers={"Authorization": f"Bearer {token}"}, **more
    ) as answer:
        assert answer.status in (200, 204), await answer.text()
        return await answer.json() if answer.status == 200 else None


async def test_a_paused_sink_gets_nothing_and_then_everything(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "record.jsonl"
    served = await serve(profile(path))
    await calls(served, http, 2)
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served))
    state = await ask(served, http, "POST", "/api/v1/sinks/copy/pause")
    assert state["state"] == "paused"
    waiting = await ask(served, http, "GET", "/api/v1/sinks/copy")
    async with asyncio.timeout(15):
        while waiting["lag_rows"] < 5:
            await calls(served, http, 1)
            waiting = await ask(served, http, "GET", "/api/v1/sinks/copy")
    assert {row["id"] for row in rows(path)} < recorded(served)
    await ask(served, http, "POST", "/api/v1/sinks/copy/resume")
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served))
    assert {row["kind"] for row in served.record("action = 'admin.sink.pause'")} == {"intent", "outcome"}


async def test_what_happened_since_is_sent_again_under_the_same_ids(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "record.jsonl"
    served = await serve(profile(path))
    await calls(served, http, 3)
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served))
    middle = served.select("SELECT time FROM audit_events ORDER BY time OFFSET 2 LIMIT 1")[0]["time"]
    names = {
        str(row["id"]): row["time"] >= middle for row in served.select("SELECT id, time FROM audit_events")
    }
    await ask(served, http, "POST", "/api/v1/sinks/copy/replay", json={"since": middle.isoformat()})

    def counts() -> Counter[str]:
        return Counter(row["id"] for row in rows(path))

    await until(lambda: all(counts()[name] == 2 for name, again in names.items() if again))
    assert all(counts()[name] == 1 for name, again in names.items() if not again)


async def test_a_new_sink_begins_now_and_a_forgotten_one_anew(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "later" / "record.jsonl"
    served = await serve(profile(path, start="now"))
    await until(lambda: served.select("SELECT 1 FROM audit_sink_cursors"))
    before = recorded(served)
    await calls(served, http, 2)
    path.parent.mkdir()
    new = recorded(served) - before
    await until(lambda: {row["id"] for row in rows(path)} >= new)
    assert before.isdisjoint({row["id"] for row in rows(path)})
    await ask(served, http, "DELETE", "/api/v1/sinks/copy")
    await until(lambda: served.select("SELECT 1 FROM audit_sinks"))


async def test_a_sink_that_falls_behind_and_recovers_stands_in_the_record_once_each(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "later" / "record.jsonl"
    served = await serve(profile(path, behind=0.5))
    await calls(served, http, 2)
    behind = await until(lambda: served.record("action = 'record.sink.behind'"), 20)
    assert (behind[0]["kind"], behind[0]["resource"], behind[0]["actor"]) == ("event", "copy", "sallyport")
    assert behind[0]["body"]["rows"] > 0
    oldest = await served.site.sinks.oldest_undelivered()
    assert oldest is not None
    assert oldest == served.select("SELECT min(time) AS first FROM audit_events")[0]["first"]
    async with http.get(f"{served.url}/metrics") as answer:
        text = await answer.text()
    assert re.search(r'sallyport_sink_lag_seconds\{sink="copy"\} [0-9]', text)
    assert 'sallyport_sink_leads{sink="copy"} 1.0' in text
    path.parent.mkdir()
    await until(lambda: served.record("action = 'record.sink.recovered'"), 20)
    assert len(served.record("action = 'record.sink.behind'")) == 1


async def test_sinks_of_a_site_stand_in_the_list_with_what_is_wrong(api: Api) -> None:
    answer = await api.ask("GET", "/api/v1/sinks", who="ada")
    assert (answer.status, answer.body) == (200, {"items": [], "next": None})
    assert (await api.ask("GET", "/api/v1/sinks/none", who="ada")).status == 404
    assert (await api.ask("POST", "/api/v1/sinks/none/pause", who="grace")).status == 403
