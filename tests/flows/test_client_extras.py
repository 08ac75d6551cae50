"""What Claude Code is given and reports: managed settings by role, telemetry as rows beside what was seen."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from tests.fix_server import Serve

PROFILE = """
clients:
  settings:
    all: {file: clients/all.json}
    builders: {roles: [developer], values: {env: {DISABLE_TELEMETRY: "1"}, permissions: {deny: ["WebFetch"]}}}
  telemetry: {per_minute: 3, max_body_bytes: 20000}
"""
POLICY = """
policy: test
rules:
  - {id: reports, effect: permit, who: {roles: [developer]}, actions: [telemetry.report]}
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"


def written(folder: Path, **settings: object) -> None:
    (folder / "data" / "clients").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "clients" / "all.json").write_text(json.dumps(settings))


async def get(http: aiohttp.ClientSession, url: str, key: str, **headers: str) -> tuple[int, bytes, str]:
    given = {"authorization": f"Bearer {key}", **headers}
    async with http.get(f"{url}/managed/settings", headers=given) as answer:
        return answer.status, await answer.read(), answer.headers.get("ETag", "")


async def test_settings_are_by_role_tagged_versioned_and_recorded(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    written(tmp_path, permissions={"deny": ["Bash(curl:*)"]}, model="sonnet")
    served = await serve(PROFILE, policy=POLICY)
    key, other = await served.key("developer"), await served.key(name="visitor")
    status, body, tag = await get(http, served.url, key)
    told = json.loads(body)
    assert (status, tag, len(told["uuid"])) == (200, f'"{told["checksum"]}"', 36)
    assert told["settings"] == {
        "permissions": {"deny": ["Bash(curl:*)", "WebFetch"]},
        "model": "sonnet",
        "env": {"DISABLE_TELEMETRY": "1"},
    }
    assert (await get(http, served.url, key, **{"if-none-match": tag}))[:2] == (304, b"")
    assert json.loads((await get(http, served.url, other))[1])["settings"]["permissions"] == {
        "deny": ["Bash(curl:*)"]
    }
    written(tmp_path, permissions={"deny": ["Bash(curl:*)", "Bash(nc:*)"]})
    status, body, changed = await get(http, served.url, key, **{"if-none-match": tag})
    assert (status, changed != tag) == (200, True)
    (tmp_path / "data" / "clients" / "all.json").write_text("{")
    assert (await get(http, served.url, key))[0] == 503
    assert (await get(http, served.url, "sp_nobody"))[0] == 401
    rows = served.record("action = 'settings.read'")
    assert [row["status"] for row in rows if row["kind"] == "outcome"] == ["ok"] * 4 + ["error"]
    assert rows[-1]["kind"] == "denial"
    versions = served.record("action = 'settings.version' AND resource = 'all'")
    assert versions[1]["body"]["before"] == versions[0]["body"]["settings"]["sha256"]
    kept = served.select(
        "SELECT bytes FROM audit_contents WHERE digest = %s", versions[1]["body"]["settings"]["sha256"]
    )
    assert b"Bash(nc:*)" in bytes(kept[0]["bytes"])


def report(*requests: str) -> bytes:
    """An OTLP report of API requests with these ids."""

    def texts(**given: str) -> list[dict[str, object]]:
        return [
            {
                "key": key.replace("_id", ".id", 1) if key == "session_id" else key,
                "value": {"stringValue": value},
            }
            for key, value in given.items()
        ]

    records = [
        {
            "body": {"stringValue": "claude_code.api_request"},
            "attributes": texts(
                session_id="s-1",
                request_id=each,
                model="m",
                input_tokens="70",
                cost_usd="0.0125",
                prompt="words",
            ),
        }
        for each in requests
    ]
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()


@pytest.mark.slow
async def test_reports_join_the_trace_they_name_and_are_marked_as_told(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    served = await serve("clients: {telemetry: {per_minute: 3, max_body_bytes: 20000}}", policy=POLICY)
    key, other = await served.key("developer"), await served.key(name="visitor")

    async def send(body: bytes, key: str = key) -> int:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        async with http.post(f"{served.url}/v1/logs", data=body, headers=headers) as answer:
            said = json.loads(await answer.read())
            assert (said == {"partialSuccess": {}}) == (answer.status == 200)
            return answer.status

    statuses = [await send(report(TRACE, "req_foreign")), await send(b"{"), await send(b" " * 20_001)]
    assert statuses == [200, 400, 413]
    assert await send(report(TRACE), other) == 400
    rows = served.record("action = 'telemetry.report' AND kind IN ('outcome', 'denial')")
    assert [row["status"] for row in rows[:4]] == ["ok", "ok", "refused", "refused"]
    assert rows[4]["kind"] == "denial"
    (joined,) = [row for row in rows if row["trace_id"] == TRACE and row["kind"] == "outcome"]
    result = joined["body"]["result"]
    assert (result["reported_by"], result["totals"]) == (
        "client",
        {"input_tokens": 70, "microdollars": 12500},
    )
    assert joined["microdollars"] in (0, None)
    assert "words" not in json.dumps([row["body"] for row in rows])
    intent = served.record("action = 'telemetry.report' AND kind = 'intent' AND trace_id = %s", TRACE)
    assert [row["session"] for row in intent] == ["s-1"]


async def test_a_principal_that_reports_too_often_is_told_to_wait(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    served = await serve("clients: {telemetry: {per_minute: 1}}", policy=POLICY)
    key = await served.key("developer")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/x-protobuf"}

    async def send() -> int:
        async with http.post(f"{served.url}/v1/metrics", data=b"", headers=headers) as answer:
            assert (await answer.read() == b"") == (answer.status == 200)
            return answer.status

    # A new minute may begin in between, but not between each of them.
    async with asyncio.timeout(60):
        statuses = [await send() for _ in range(6)]
    assert statuses[0] == 200
    assert 429 in statuses
