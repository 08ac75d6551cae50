"""A server of the older era asks in the middle of a call, while its client speaks 2026-07-28: the call waits for it."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config.tools import McpServer
from app.mcp.parked import Limits
from tests.fix_modern import request
from tests.fix_tools import ALICE, BOB, ToolSite, tool_site

SIMULATOR = Path(__file__).parent.parent / "simulators" / "mcp_single_client.py"
SERVERS = {"single": McpServer(command=(sys.executable, str(SIMULATOR)))}
ABLE = {"elicitation": {}, "sampling": {}, "roots": {}}
CALLS = "SELECT tool, status FROM mcp_tool_executions ORDER BY time"
EVENTS = """
    SELECT action, status, body FROM audit_events
    WHERE kind = 'event' AND action IN ('tool.ask', 'tool.end') ORDER BY time, action
"""
OWN = "SELECT (body ->> 'pid')::int FROM audit_events WHERE action = 'mcp.server.start' AND body ? 'process'"
"""Process ids as the host has them; a program sees others."""
pytestmark = pytest.mark.slow


async def call(
    site: ToolSite,
    tool: str = "ask",
    *,
    wants: Any = None,
    answers: Any = None,
    key: str = ALICE,
    able: Any = None,
    token: str = "",
    **arguments: Any,
) -> Any:
    """A call, or with what it `wants` the same once more with answers."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if wants is not None:
        given = answers if answers is not None else accepted(wants)
        params |= {"requestState": wants["result"]["requestState"], "inputResponses": given}
    body, headers = request("tools/call", params, key=key, capabilities=ABLE if able is None else able)
    if token:
        body["params"]["_meta"]["progressToken"] = token
    async with site.session.post(site.url + "/mcp/single", json=body, headers=headers) as response:
        return await response.json()


def accepted(wants: Any) -> dict[str, Any]:
    """Yes to every question."""
    return {key: {"action": "accept", "content": {}} for key in wants["result"]["inputRequests"]}


def said(answer: Any) -> Any:
    """What the tool says it was told."""
    assert "result" in answer, answer
    return json.loads(answer["result"]["content"][0]["text"])


async def until(site: ToolSite, *statuses: str) -> None:
    """Wait until that many calls that waited have ended so."""
    async with asyncio.timeout(60):
        while [row[1] for row in await site.rows(EVENTS) if row[0] == "tool.end"] != list(statuses):
            await asyncio.sleep(0.05)


async def test_call_goes_on_when_its_client_has_answered(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        wants = await call(site)
        given = {
            key: {"action": "accept", "content": {"sure": True}} for key in wants["result"]["inputRequests"]
        }
        done = await call(site, wants=wants, answers=given)
        again = await call(site)
        declined = await call(site, wants=again, answers={"question-1": {"action": "decline"}})
        calls, events = await site.rows(CALLS), await site.rows(EVENTS)
        ids = await site.rows("SELECT call_id::text FROM mcp_tool_executions ORDER BY time")
        kept = await site.rows("SELECT result FROM mcp_tool_executions ORDER BY time")
    assert wants["result"]["resultType"] == "input_required"
    [question] = wants["result"]["inputRequests"].values()
    assert (question["method"], question["params"]["message"]) == ("elicitation/create", "Sure?")
    assert done["result"]["resultType"] == "complete"
    assert said(done) == given["question-1"]
    assert said(declined) == {"action": "decline"}
    assert calls == [("ask", "started"), ("ask", "ok"), ("ask", "started"), ("ask", "ok")]
    first, second = ids[0][0], ids[1][0]
    asked = {"call": first, "question": "question-1", "method": "elicitation/create"}
    assert events[:2] == [
        ("tool.ask", None, asked),
        ("tool.end", "ok", {"began": first, "seen": second}),
    ]
    assert kept[0][0]["inputRequests"] == wants["result"]["inputRequests"]
    assert "requestState" not in kept[0][0]
    assert kept[1][0]["inputResponses"] == given


async def test_every_question_of_a_call_is_a_round(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        wants = await call(site, again=2)
        for _ in range(2):
            wants = await call(site, again=2, wants=wants)
            assert wants["result"]["resultType"] == "input_required"
        done = await call(site, again=2, wants=wants)
        both = await call(site, "both")
        while len(both["result"]["inputRequests"]) < 2:  # the second came a moment later
            both = await call(site, "both", wants=both, answers={})
        roots = {"roots": [{"uri": "file:///srv"}]}
        keys = {one["method"]: key for key, one in both["result"]["inputRequests"].items()}
        half = await call(site, "both", wants=both, answers={keys["roots/list"]: roots})
        whole = await call(site, "both", wants=half)
    assert [one["action"] for one in said(done)] == ["accept"] * 3
    assert list(half["result"]["inputRequests"]) == [keys["elicitation/create"]]
    assert said(whole)["roots/list"] == roots


async def test_state_is_its_principals_for_its_call_and_once(database: str, tmp_path: Path):
    permit = ["alice *", "bob *"]
    async with tool_site(database, tmp_path, servers=SERVERS, permit=permit) as site:
        wants = await call(site)
        state = wants["result"]["requestState"]
        broken = {"result": {**wants["result"], "requestState": state[:-8] + "AAAAAAA="}}
        refused = [
            await call(site, wants=wants, key=BOB),
            await call(site, wants=wants, method="sampling/createMessage"),
            await call(site, wants=broken),
            await call(site, wants=wants, answers={"question-1": "yes"}),
        ]
        done = await call(site, wants=wants)
        replayed = await call(site, wants=wants)
        calls = await site.rows("SELECT status, count(*) FROM mcp_tool_executions GROUP BY 1 ORDER BY 1")
    assert [one["error"]["code"] for one in refused] == [-32602] * 4
    assert said(done)["action"] == "accept"
    assert replayed["error"]["data"]["reason"] == "not_waiting"
    assert calls == [("error", 5), ("ok", 1), ("started", 1)]


async def test_call_waits_at_one_node_and_others_say_so(database: str, tmp_path: Path):
    async with (
        tool_site(database, tmp_path / "a", servers=SERVERS, node="one.site") as one,
        tool_site(database, tmp_path / "b", servers=SERVERS, node="two.site") as two,
    ):
        wants = await call(one)
        elsewhere = await call(two, wants=wants)
        done = await call(one, wants=wants)
    assert elsewhere["error"]["data"]["reason"] == "other_node"
    assert elsewhere["error"]["data"]["retry_after"] > 0
    assert said(done)["action"] == "accept"


async def test_call_whose_client_does_not_return_is_given_up(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS, parking=Limits(wait=0.2)) as site:
        wants = await call(site)
        await until(site, "cancelled")
        late = await call(site, wants=wants)
        cancelled = said(await call(site, "about"))["cancelled"]
        calls = await site.rows(CALLS)
    assert late["error"]["data"]["reason"] == "not_waiting"
    assert len(cancelled) == 1
    assert calls == [("ask", "started"), ("ask", "error"), ("about", "ok")]


async def test_too_many_waiting_calls_are_refused(database: str, tmp_path: Path):
    permit, limits = ["alice *", "bob *"], Limits(most_of_one=1)
    async with tool_site(database, tmp_path, servers=SERVERS, permit=permit, parking=limits) as site:
        wants = await call(site)
        refused = await call(site)
        others = await call(site, key=BOB)
        done = await call(site, wants=wants)
        once_more = await call(site)
    assert refused["error"]["data"]["reason"] == "too_many_waiting"
    assert others["result"]["resultType"] == once_more["result"]["resultType"] == "input_required"
    assert said(done)["action"] == "accept"


async def test_server_that_dies_meanwhile_is_an_error_of_the_call(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        wants = await call(site)
        [(pid,)] = await site.rows(OWN)
        os.kill(pid, signal.SIGKILL)
        await until(site, "error")
        failed = await call(site, wants=wants)
    assert failed["error"]["data"]["reason"] == "upstream_closed"


async def test_client_that_goes_away_after_its_answer_cancels_the_call(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        wants = await call(site, then=100_000, token="first")
        state = wants["result"]["requestState"]
        params = {"name": "ask", "arguments": {"then": 100_000}, "requestState": state}
        body, headers = request(
            "tools/call", {**params, "inputResponses": accepted(wants)}, capabilities=ABLE
        )
        body["params"]["_meta"]["progressToken"] = "second"
        async with site.session.post(site.url + "/mcp/single", json=body, headers=headers) as response:
            line = b""
            while not line.startswith(b"data: "):
                line = await response.content.readline()
        await until(site, "cancelled")
        calls = await site.rows(CALLS)
    assert json.loads(line[6:])["params"]["progressToken"] == "second"
    assert calls == [("ask", "started"), ("ask", "cancelled")]


async def test_client_is_asked_only_what_it_declared(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        no_model = await call(site, able={"elicitation": {}}, method="sampling/createMessage")
        no_such = await call(site, method="tools/call")
        nothing = await call(site, able={"sampling": {}})
        plain = await call(site, able={"extensions": {}})
        shown = said(await call(site, "about", able={"elicitation": {}, "experimental": {"x": {}}}))
    assert [said(one)["code"] for one in (no_model, no_such, nothing, plain)] == [-32601] * 4
    assert shown["client"] == {"elicitation": {}}


async def test_calls_at_once_have_a_question_each(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        wants = await asyncio.gather(*(call(site) for _ in range(3)))
        answers = [{"question-1": {"action": "accept", "content": {"number": number}}} for number in range(3)]
        done = await asyncio.gather(
            *(call(site, wants=one, answers=given) for one, given in zip(wants, answers, strict=True))
        )
        running = site.servers.states()["single"].instances
        later = await call(site)
        processes = site.servers.states()["single"].instances
    assert [said(one)["content"]["number"] for one in done] == [0, 1, 2]
    assert later["result"]["resultType"] == "input_required"
    assert running == processes == 3
