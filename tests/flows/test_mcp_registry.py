"""The registry shows each caller the tool servers it may use, at this site's own addresses, and every look is recorded."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from tests.fix_server import Serve, Served

ROOT = Path(__file__).resolve().parents[2]
DESK = json.dumps([sys.executable, "-m", "app.demo.sample_mcp"])
PROFILE = f"""
mcp:
  servers:
    desk: {{command: {DESK}, folder: {ROOT}, description: Tickets of the help desk}}
    files: {{url: "http://127.0.0.1:1/mcp"}}
    vault: {{url: "http://127.0.0.1:1/mcp"}}
"""
POLICY = """
policy: test
rules:
  - {id: desk, effect: permit, who: {services: [robot]}, actions: [tool.call], tools: [desk/lookup_ticket]}
  - {id: files, effect: permit, who: {services: [robot]}, actions: [resource.read], resources: ["files/*"]}
"""


async def get(served: Served, http: aiohttp.ClientSession, path: str, key: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with http.get(served.url + path, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_callers_find_what_they_may_use_where_it_is(serve: Serve, http: aiohttp.ClientSession) -> None:
    served = await serve(PROFILE, policy=POLICY)
    key = await served.key()
    async with http.post(
        f"{served.url}/mcp/desk",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
        headers={"Authorization": f"Bearer {key}"},
    ) as answer:
        assert answer.status == 200
    status, found = await get(served, http, "/v0.1/servers", key)
    names = [one["server"]["name"] for one in found["servers"]]
    assert (status, names) == (200, ["local.sallyport/desk", "local.sallyport/files"])
    desk = found["servers"][0]["server"]
    assert desk["description"] == "Tickets of the help desk"
    assert desk["remotes"][0]["type"] == "streamable-http"
    assert desk["remotes"][0]["url"] == f"{served.url}/mcp/desk"
    assert found["servers"][0]["_meta"]["io.modelcontextprotocol.registry/official"]["status"] == "active"
    path = f"/v0.1/servers/{quote(names[0], safe='')}/versions"
    assert await get(served, http, f"{path}/latest", key) == (200, found["servers"][0])
    assert (await get(served, http, f"{path}/{quote(desk['version'], safe='')}", key))[0] == 200
    assert (await get(served, http, f"{path}/0.9", key))[0] == 404
    assert (await get(served, http, path, key))[1]["metadata"] == {"count": 1}
    assert (
        await get(served, http, f"/v0.1/servers/{quote('local.sallyport/vault', safe='')}/versions", key)
    )[0] == 404
    rows = served.record("kind = 'intent' AND body -> 'details' ? 'registry'")
    assert [(row["action"], row["resource"], row["actor"]) for row in rows] == [
        ("server.connect", "*", "robot")
    ] * 6


async def test_list_has_pages_and_is_searched(serve: Serve, http: aiohttp.ClientSession) -> None:
    served = await serve(PROFILE)
    key = await served.key("developer")
    titles, cursor = [], ""
    for _ in range(3):
        _, found = await get(served, http, f"/v0.1/servers?limit=1&cursor={quote(cursor, safe='')}", key)
        titles += [one["server"]["title"] for one in found["servers"]]
        cursor = found["metadata"].get("nextCursor", "")
    assert (titles, cursor) == (["desk", "files", "vault"], "")
    _, searched = await get(served, http, "/v0.1/servers?search=FILES&version=latest", key)
    assert [one["server"]["title"] for one in searched["servers"]] == ["files"]
    assert (await get(served, http, "/v0.1/servers?limit=none", key))[0] == 400


async def test_strangers_find_nothing(serve: Serve, http: aiohttp.ClientSession) -> None:
    served = await serve(PROFILE, policy=POLICY)
    assert (await get(served, http, "/v0.1/servers", await served.key(name="nobody"))) == (
        200,
        {"servers": [], "metadata": {"count": 0}},
    )
    assert [(await get(served, http, "/v0.1/servers", key))[0] for key in ("", "sp_wrong")] == [401, 401]
