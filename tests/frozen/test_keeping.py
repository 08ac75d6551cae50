"""What the file does for those who keep the site: months go, persons are erased, keys stay in a token, secrets rotate."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.audit.event import Event
from app.config import Profile
from app.core.clock import SystemClock
from app.core.ids import uuid7
from app.server.rooms.recorder import open_recorder
from tests.fix_server import Serve, until
from tests.flows.test_erasure import everything
from tests.frozen.test_stories import ServedByFile, frozen, serve
from tests.simulators import softhsm
from tests.simulators.softhsm import SoftHsm

pytestmark = [pytest.mark.slow, pytest.mark.frozen, pytest.mark.timeout(300)]
__all__ = ["frozen", "serve"]
SIMULATORS = Path(__file__).parent.parent / "simulators"
MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
_START = re.compile(r"[0-9a-f]{32}")
NAME, WORDS = "zebulon", "aardvark-in-the-attic"


async def use(
    served: ServedByFile, http: aiohttp.ClientSession, key: str, path: str, **arguments: Any
) -> str:
    """What the tool `path` says, as SERVER/TOOL; or the whole error."""
    server, _, tool = path.partition("/")
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    params = {"name": tool, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with http.post(f"{served.url}/mcp/{server}", json=message, headers=headers) as answer:
        answered = await answer.json()
    return answered["result"]["content"][0]["text"] if "result" in answered else json.dumps(answered)


async def told(
    served: ServedByFile,
    http: aiohttp.ClientSession,
    key: str,
    path: str,
    wanted: Callable[[str], object],
    **arguments: Any,
) -> str:
    """The same once it is as wanted: a program may be starting, or starting anew."""
    async with asyncio.timeout(60):
        while not wanted(said := await use(served, http, key, path, **arguments)):
            await asyncio.sleep(0.05)
    return said


async def sealed(served: ServedByFile) -> None:
    await until(
        lambda: not served.select("SELECT 1 FROM audit_events e WHERE NOT audit_is_sealed(e.boot, e.seq)")
    )


async def test_month_that_is_over_goes_and_the_record_verifies(serve: Serve) -> None:
    served = await serve("record: {retention: {tools: 30}}")
    assert isinstance(served, ServedByFile)
    served.select("SELECT audit_ensure_partition(%s)", MARCH)
    async with open_recorder(Profile(), served.database, SystemClock()) as recorder:
        for number in range(20):
            at = MARCH + timedelta(seconds=number)
            row = str(uuid7(now_us=int(at.timestamp() * 1_000_000)))
            event = Event(
                id=row, call=row, time=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), kind="intent", action="tool.call"
            )
            await recorder.write(event)
    await sealed(served)
    assert "tools" in served.run("audit", "retention", "plan")
    served.run("audit", "retention", "run")
    assert served.select("SELECT 1 FROM audit_events WHERE time < '2026-04-01'") == []
    assert served.select("SELECT 1 FROM audit_events WHERE action = 'record.drop'")
    served.run("audit", "verify")


async def test_person_is_erased_and_the_record_verifies(serve: Serve, http: aiohttp.ClientSession) -> None:
    program = [sys.executable, str(SIMULATORS / "mcp_server.py")]
    served = await serve(json.dumps({"mcp": {"servers": {"sim": {"command": program}}}}))
    assert isinstance(served, ServedByFile)
    served.run("user", "create", NAME, "--role", "developer")
    key = json.loads(served.run("key", "create", NAME, "--json"))["token"]
    await told(served, http, key, "sim/echo", lambda said: WORDS in said, words=WORDS)
    assert NAME in everything(served)
    await sealed(served)
    served.run("audit", "erase", NAME, "--reason", "request 17", "--also-disable", "--confirm", NAME)
    text = everything(served)
    assert [word for word in (NAME, WORDS) if word in text] == []
    assert "identity_disabled" in await use(served, http, key, "sim/echo")
    await sealed(served)
    assert "shredded" in served.run("audit", "verify")


@pytest.fixture
async def programs(serve: Serve, tmp_path: Path) -> ServedByFile:
    """A site with a program that tells its secret, one with a port, and a folder in front of a one-way gate."""
    teller = {
        "command": [sys.executable, str(SIMULATORS / "mcp_secretive.py")],
        "secrets": {"TOKEN": "token"},
    }
    web = {"command": [sys.executable, str(SIMULATORS / "web_program.py")], "transport": "http"}
    (tmp_path / "gate").mkdir()
    gate = {"kind": "diode", "path": str(tmp_path / "gate"), "start": "beginning"}
    served = await serve(
        json.dumps({"mcp": {"servers": {"teller": teller, "web": web}}, "sinks": {"gate": gate}})
    )
    assert isinstance(served, ServedByFile)
    return served


async def test_program_is_started_with_a_rotated_secret_and_nobody_sees_it(
    programs: ServedByFile, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    key, value = await programs.key("developer"), tmp_path / "value"
    value.write_text("the-first-of-two-values")
    programs.run("secret", "set", "token", "--file", str(value))
    programs.run("secret", "grant", "token", "--to", "server:teller")
    await told(programs, http, key, "teller/tell", "[secret token]".__eq__, form="plain")
    first = await told(programs, http, key, "teller/start", _START.fullmatch)
    value.write_text("the-second-of-two-values")
    programs.run("secret", "rotate", "token", "--file", str(value))
    await told(programs, http, key, "teller/start", lambda said: said != first and _START.fullmatch(said))
    await told(programs, http, key, "teller/tell", "[secret token]".__eq__, form="base64")
    assert "of-two-values" not in everything(programs)
    verifier = json.loads(programs.run("sink", "key", "--json"))["key"]
    await until(lambda: list((tmp_path / "gate").glob("*.note")))
    words = ("sink", "check", str(tmp_path / "gate"), "--key", verifier, "--name", "gate", "--json")
    checked = json.loads(programs.alone(*words))
    assert (checked["faults"], checked["rows"] > 0) == ([], True)


async def test_program_with_a_port_is_reached_by_nobody_else_and_reaches_nobody(
    programs: ServedByFile, http: aiohttp.ClientSession
) -> None:
    key = await programs.key("developer")
    who = json.loads(await told(programs, http, key, "web/who", lambda said: "session-" in said))
    assert who["session"] == "session-1"
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(f"http://127.0.0.1:{who['port']}/")
    door = {"host": "127.0.0.1", "port": int(programs.url.rpartition(":")[2])}
    assert json.loads(await use(programs, http, key, "web/reach", **door)) != "connected"
    (start,) = programs.select(
        "SELECT body FROM audit_events WHERE action = 'mcp.server.start' AND resource = 'web'"
    )
    assert start["body"]["port"] == who["port"]
    assert {"network", "syscalls"} <= set(start["body"]["confinement"])


@pytest.fixture
def hsm(tmp_path: Path) -> Iterator[SoftHsm]:
    if softhsm.missing():
        pytest.skip(softhsm.missing())
    made = SoftHsm(tmp_path / "hsm")
    os.environ["SOFTHSM2_CONF"] = str(made.config)
    yield made
    del os.environ["SOFTHSM2_CONF"]


async def test_keys_of_a_token_sign_the_record_and_seal_secrets(
    serve: Serve, hsm: SoftHsm, tmp_path: Path
) -> None:
    hsm.make("record", "log", "01")
    hsm.make("master", "master", "01")
    profile = {
        "record": {"keys": hsm.uri("log"), "origin": "example.org/site"},
        "secrets": {"master_key": "pkcs11", "key_uri": hsm.uri("master")},
    }
    served = await serve(json.dumps(profile))
    assert isinstance(served, ServedByFile)
    (tmp_path / "value").write_text("the-value-of-the-secret")
    served.run("secret", "set", "one", "--file", str(tmp_path / "value"))
    served.run("secret", "check")
    await sealed(served)
    served.run("audit", "verify")
    keys = tmp_path / "data" / "keys"
    assert [name for name in ("record/signing", "master.key") if (keys / name).exists()] == []
    assert "the-value-of-the-secret" not in everything(served)
