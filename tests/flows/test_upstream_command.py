"""`sallyport mcp sign-in`: the operator signs in with a browser that reaches the site, or with one that cannot."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fix_oauth import profile, sent_back
from tests.fix_server import Serve, Served, free_port
from tests.simulators.oauth_server import OAuthServer, oauth_server

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def sallyport(served: Served, folder: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command beside the running server."""
    environment = {**os.environ, "SALLYPORT_DATABASE_URL": served.database}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "mcp", *words, "--profile", str(folder / "profile.yaml"),
        "--data", str(folder / "data"), "--json", cwd=ROOT, env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def one(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    assert process.stderr is not None
    line = await process.stdout.readline()
    return json.loads(line) if line else (await process.stderr.read()).decode()


async def result(served: Served, folder: Path, *words: str) -> Any:
    async with sallyport(served, folder, *words) as process:
        out, err = await process.communicate()
        return json.loads(out) if out else err.decode()


async def site(serve: Serve, far: OAuthServer, **oauth: Any) -> Served:
    port = free_port()
    listen = f"listen: {{address: '127.0.0.1:{port}', plain_http: loopback}}"
    return await serve(profile(far, more=listen, **oauth))


async def test_operator_signs_in_and_out(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path):
    async with oauth_server() as far:
        served = await site(serve, far, per="site")
        async with sallyport(served, tmp_path, "sign-in", "far") as process:
            begun = await one(process)
            back = await sent_back(http, begun["url"])
            async with http.get(back) as answer:
                assert answer.status == 200
                assert "You can close this page" in await answer.text()
            async with http.get(back) as again:
                assert again.status in (400, 401)  # kept already, or used up already
            done = await one(process)
            assert (done["server"], done["state"], done["per"]) == ("far", "signed in", "site")
        (status,) = await result(served, tmp_path, "status")
        assert status["sign_in"] == "per site: 1 signed in"
        (line,) = await result(served, tmp_path, "sign-ins")
        assert (line["who"], line["state"], line["renewed"]) == ("everybody", "signed in", True)
        assert (await result(served, tmp_path, "sign-out", "far"))["state"] == "wanted"
        assert far.count("revoke") == 1
    rows = served.record("action = 'admin.server.sign_in' AND kind = 'intent'")
    assert [(row["door"], row["actor_kind"]) for row in rows] == [("cli", "operator")] * 2


async def test_address_is_pasted_where_the_browser_cannot_reach_the_site(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
):
    async with oauth_server() as far:
        served = await site(serve, far)
        async with sallyport(served, tmp_path, "sign-in", "far", "--paste") as process:
            begun = await one(process)
            assert process.stdin is not None
            process.stdin.write((await sent_back(http, begun["url"])).encode() + b"\n")
            done = await one(process)
            assert (done["state"], done["scopes"]) == ("signed in", ["tools"])
        async with sallyport(served, tmp_path, "sign-in", "far", "--paste") as process:
            await one(process)
            assert process.stdin is not None
            process.stdin.write(b"https://evil.example/?code=1&state=2\n")
            assert await one(process) != ""
            assert await process.wait() == 2
        answers = await result(served, tmp_path, "check")
        assert [(row["name"], row["ok"]) for row in answers] == [("far", True), ("sallyport", True)]
    assert [row["status"] for row in served.record("action = 'server.sign_in' AND kind = 'outcome'")] == [
        "ok", "ok", "ok", "error",
    ]  # fmt: skip
