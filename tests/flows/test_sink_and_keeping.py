"""Sinks beside retention and erasure: nothing goes before a sink has it; a person's name leaves only when asked for."""

from pathlib import Path

import aiohttp
import pytest

from app.core.call import Resource
from app.server.first_run import host_call
from tests.fix_browser import person
from tests.fix_server import Serve, Served, until
from tests.flows.test_retention import APRIL, MARCH, call, left, run, sealed
from tests.flows.test_sink_file import recorded, rows

pytestmark = pytest.mark.slow


async def test_a_month_stays_until_every_sink_has_it(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "later" / "record.jsonl"
    served = await serve(
        f"record: {{retention: {{ai: 60}}}}\nsinks: {{copy: {{kind: file, path: {path}, start: beginning}}}}"
    )
    for month in (MARCH, APRIL):
        served.select("SELECT audit_ensure_partition(%s)", month)
        await call(served, month, "model.invoke", resource_kind="model", resource="m")
    await sealed(served)
    await until(lambda: served.select("SELECT 1 FROM audit_sinks WHERE error <> ''"))
    assert await served.site.keeping.retention.plan() == []
    assert await run(served) == []
    assert left(served, MARCH)
    path.parent.mkdir()
    await until(lambda: {row["id"] for row in rows(path)} >= recorded(served), 20)
    await until(lambda: served.select("SELECT 1 FROM audit_sinks WHERE error = ''"))
    assert [one.rows for one in await run(served)] == [2, 2]
    assert left(served, MARCH) == []


async def test_a_persons_name_stays_sealed_or_is_revealed_as_the_profile_says(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    served = await serve(
        "sinks:\n"
        f"  sealed: {{kind: file, path: {tmp_path}/sealed.jsonl, start: beginning}}\n"
        f"  open: {{kind: file, path: {tmp_path}/open.jsonl, start: beginning, personal: revealed}}\n"
    )
    await person(served, "ada.lovelace", "auditor")
    token = await own_key(served, "ada.lovelace")
    async with http.get(
        f"{served.url}/api/v1/audit/calls", headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status == 200
    for name in ("sealed", "open"):
        await until(
            lambda name=name: {row["id"] for row in rows(tmp_path / f"{name}.jsonl")} >= recorded(served)
        )
    closed = (tmp_path / "sealed.jsonl").read_text()
    looks = [row for row in rows(tmp_path / "open.jsonl") if row.get("action") == "audit.read"]
    assert "ada.lovelace" not in closed
    assert [row["actor"] for row in looks if row["kind"] == "intent"] == ["ada.lovelace"]
    assert all(row["subject"] for row in looks if row["kind"] == "intent")


async def own_key(served: Served, owner: str) -> str:
    async with served.site.admission.admit(host_call("admin.key.create", Resource("key", "new"))) as passage:
        made = await served.site.identity.keys.create(passage, owner=owner)
    await served.site.identity.refresh()
    return made.token
