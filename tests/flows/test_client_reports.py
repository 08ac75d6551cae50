"""Claude Code as its own settings make it: it reports what it does, and the report joins the trace of its request."""

import json
from pathlib import Path

import pytest

from app.demo.provider import SimulatedProvider
from tests.fix_command import Command
from tests.fix_server import Serve, Served, until
from tests.flows.test_ai_clients import CLIENTS, Home

POLICY = """
policy: test
rules:
  - {id: works, effect: permit, who: {roles: [developer]}, actions: [model.invoke, tool.use, telemetry.report]}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (CLIENTS / "claude").exists(),
        reason="the clients are not here; scripts/test fetches them (needs npm)",
    ),
]


def settings(command: Command, served: Served, data: Path, key: str) -> dict[str, str]:
    """What `client-config` prints for this site, with the key in its place."""
    given = ("client-config", "claude-code", "--reports", "--url", served.url, "--data", str(data))
    printed = command(*given)
    assert printed.code == 0, printed.err
    return json.loads(printed.out.replace("sp_YOUR_KEY", key))["env"]


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
async def test_claude_code_reports_what_it_did_and_the_report_joins_its_trace(
    serve: Serve, command: Command, tmp_path: Path, protocol: str
) -> None:
    async with SimulatedProvider() as provider:
        served = await serve(
            f"providers: {{ant: {{dialect: anthropic, url: '{provider.url}'}}}}\n"
            "models: {claude-sim: {provider: ant, price: simulated}}",
            policy=POLICY,
        )
        key = await served.key("developer")
        environment = settings(command, served, tmp_path / "data", key)
        environment |= {"ANTHROPIC_MODEL": "claude-sim", "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-sim"}
        environment |= {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        use = 'use Bash {"command": "echo here > made.txt", "description": "make a file"}'
        code, said = await Home(tmp_path / "home").run(
            str(CLIENTS / "claude"), "-p", use, "--allowedTools", "Bash", **environment
        )
    assert code == 0, said
    await until(lambda: {"api_request", "tool_decision", "tool_result"} <= named(served))
    await until(lambda: told(served, "metrics"))
    reports = told(served, "logs")
    assert use not in json.dumps([report["body"] for report in reports])
    requests = {row["trace_id"]: row for row in served.record("action = 'model.invoke' AND kind = 'outcome'")}
    joined = [report for report in reports if report["trace_id"] in requests]
    assert joined
    for report in joined:
        assert (
            report["body"]["result"]["totals"]["input_tokens"] >= requests[report["trace_id"]]["input_tokens"]
        )
    sessions = {row["session"] for row in served.record("action = 'model.invoke' AND kind = 'intent'")}
    intents = served.record("action = 'telemetry.report' AND kind = 'intent' AND resource = 'logs'")
    assert {row["session"] for row in intents} & sessions


def named(served: Served) -> set[str]:
    """The events that came."""
    entries = (entry for report in told(served, "logs") for entry in report["body"]["result"]["entries"])
    return {entry["name"].rpartition(".")[2] for entry in entries}


def told(served: Served, signal: str) -> list[dict]:
    """What was reported of one kind."""
    return [
        row
        for row in served.record("action = 'telemetry.report' AND kind = 'outcome' AND status = 'ok'")
        if row["body"]["result"]["signal"] == signal
    ]
