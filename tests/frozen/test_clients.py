"""The vendors' own SDKs and a real MCP client against the file, and what its record then says of them."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from anthropic import Anthropic
from anthropic.types import TextBlock
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from openai import OpenAI

from tests.fix_server import free_port
from tests.frozen.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.frozen]

ASKED = "Is ticket T-1 open?"


@contextmanager
def demonstrating(bundle: Path, data: Path, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The demo, serving on after its story: its URL and the agent's key, as it prints them."""
    process = subprocess.Popen(
        [bundle, "demo", "--data", data, "--address", f"127.0.0.1:{free_port()}"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    try:
        while "Serving until" not in said:
            line = process.stdout.readline()
            assert line, f"the demo ended: {said}"
            said += line
        yield re.findall(r"http://[^\s/]+", said)[0], re.findall(r"sp_\S+", said)[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def openai_talks(url: str, key: str) -> None:
    with OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        whole = client.chat.completions.create(
            model="demo-model", messages=[{"role": "user", "content": ASKED}]
        )
        assert whole.choices[0].message.content
        assert whole.usage is not None
        stream = client.chat.completions.create(
            model="demo-model", messages=[{"role": "user", "content": ASKED}], stream=True
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def anthropic_talks(url: str, key: str) -> None:
    with Anthropic(base_url=url, api_key=key, max_retries=0) as client:
        whole = client.messages.create(
            model="claude-demo", max_tokens=64, messages=[{"role": "user", "content": ASKED}]
        )
        assert isinstance(whole.content[0], TextBlock)
        with client.messages.stream(
            model="claude-demo", max_tokens=64, messages=[{"role": "user", "content": ASKED}]
        ) as stream:
            assert "".join(stream.text_stream)


async def mcp_talks(url: str, key: str, mode: str) -> None:
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=20) as http:
        transport = streamable_http_client(f"{url}/mcp/sample", http_client=http)
        async with Client(transport, mode=mode) as client:
            shown = [tool.name for tool in (await client.list_tools()).tools]
            assert "lookup_ticket" in shown
            assert "delete_ticket" not in shown
            assert not (await client.call_tool("lookup_ticket", {"id": "T-1"})).is_error
            with pytest.raises((MCPError, httpx2.HTTPError, ExceptionGroup)):
                await client.call_tool("delete_ticket", {"id": "T-1"})


async def test_real_clients_are_governed_and_recorded(
    bundle: Path, folder: Path, environment: dict[str, str], run: Run
) -> None:
    data = folder / "data"
    with demonstrating(bundle, data, environment) as (url, key):
        openai_talks(url, key)
        anthropic_talks(url, key)
        for mode in ("legacy", "2026-07-28"):
            await mcp_talks(url, key, mode)
    listed = json.loads(run("audit", "list", "--data", str(data), "--actor", "demo-agent", "--json").stdout)
    decided = [(row["action"], row["resource"], row["decision"], row["status"]) for row in listed]
    # The demo's own story is one of each on top.
    assert decided.count(("model.invoke", "demo-model", "permit", "ok")) == 3
    assert decided.count(("model.invoke", "claude-demo", "permit", "ok")) == 2
    assert decided.count(("tool.call", "sample/lookup_ticket", "permit", "ok")) == 3
    assert decided.count(("tool.call", "sample/delete_ticket", "forbid", "denied")) == 3
