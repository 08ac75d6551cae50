"""The running server shows its tool programs, restarts them and follows its profile, asked on the host and by the API."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.config import Profile, load
from app.core.errors import SallyportError
from app.egress import Connector, Destinations, Guard
from app.server.host.control import Ask, Told, ask
from app.server.serve import running
from tests.fix_api import Api
from tests.fix_server import Serve, Served, _reachable, until

ROOT = Path(__file__).resolve().parents[2]
SIMULATOR = Path(__file__).parent.parent / "simulators" / "mcp_server.py"


def profile(*names: str, **flags: list[str]) -> str:
    servers = {name: {"command": [sys.executable, str(SIMULATOR), *flags.get(name, [])]} for name in names}
    return json.dumps({"mcp": {"servers": servers, "hold_after": 1}})


async def told(served: Served, **request: Any) -> Told:
    answer = await ask(served.site.folder, Ask(**request))
    assert answer is not None
    return answer


@pytest.mark.slow
async def test_operator_sees_and_releases_a_held_program(serve: Serve) -> None:
    served = await serve(profile("good", "bad", bad=["--exit"]))
    servers = served.running.doors.servers
    await until(lambda: servers.states()["bad"].state == "held" and servers.states()["good"].memory_bytes)
    shown = {row.name: row for row in (await told(served, ask="servers")).servers}
    assert (shown["good"].state, shown["bad"].state) == ("ready", "held")
    assert shown["good"].memory_bytes > 1024**2
    assert {measure.name for measure in shown["good"].measures} >= {"files", "network", "privileges"}
    await told(served, ask="restart", name="bad")
    await until(lambda: servers.states()["bad"].starts == 2)
    events = "SELECT action, resource_kind FROM audit_events WHERE kind = 'event' AND resource = 'bad'"
    await until(lambda: [row["action"] for row in served.select(events)].count("mcp.server.hold") == 2)
    actions = {row["action"]: row for row in served.select(events)}
    released = served.record("action = 'admin.server.restart' AND kind = 'intent'")
    assert len(released) == 1
    assert released[0]["actor_kind"] == "operator"
    assert actions["mcp.server.release"]["resource_kind"] == "server"


async def test_start_is_recorded_with_the_level_it_reached(serve: Serve) -> None:
    served = await serve(profile("good"))
    (row,) = await until(
        lambda: served.select("SELECT * FROM audit_events WHERE action = 'mcp.server.start'")
    )
    assert row["resource"] == "good"
    assert row["body"]["pid"] > 0
    assert "privileges" in row["body"]["confinement"]
    assert isinstance(row["body"]["without"], dict)


async def test_api_lists_and_restarts_for_administrators_only(api: Api) -> None:
    listed = await api.ask("GET", "/api/v1/tool-servers")
    assert (listed.status, listed.body["items"]) == (200, [])
    assert (await api.ask("GET", "/api/v1/tool-servers", who="dora")).status == 403
    missing = await api.ask("POST", "/api/v1/tool-servers/none/restart")
    assert (missing.status, missing.body["error"]["code"]) == (404, "not_found")


async def test_unknown_question_and_garbage_get_words(serve: Serve) -> None:
    served = await serve()
    reader, writer = await asyncio.open_unix_connection(served.site.folder / "control")
    writer.write(b'{"ask": "fly"}\n')
    assert b"cannot 'fly'" in await reader.readline()
    writer.close()
    reader, writer = await asyncio.open_unix_connection(served.site.folder / "control")
    writer.write(b"[1]\n")
    assert b"cannot be read" in await reader.readline()
    writer.close()
    assert (served.site.folder / "control").stat().st_mode & 0o077 == 0


async def test_profile_read_again_changes_programs_and_names_the_rest(database: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"

    def read() -> Profile:
        return _reachable(load(path, environment={}), database)

    path.write_text(profile("stays", "goes"), encoding="utf-8")
    destinations = Destinations([])
    connector = Connector(destinations=destinations, guard=Guard(destinations))
    async with running(read(), folder=tmp_path / "data", connector=connector, again=read) as server:
        servers = server.doors.servers
        await until(lambda: all(status.state == "ready" for status in servers.states().values()))
        before = servers.states()["stays"].pid
        fresh = json.loads(profile("stays", "comes"))
        path.write_text(json.dumps({**fresh, "identity": {"session_idle": 60}}), encoding="utf-8")
        answer = await ask(server.site.folder, Ask(ask="reload"))
        assert answer is not None
        assert (answer.changed, answer.waiting) == (["comes", "goes"], ["identity"])
        await until(lambda: servers.states()["comes"].state == "ready")
        assert servers.states()["stays"].pid == before
        assert set(servers.entries) == {"stays", "comes"}
        path.write_text("mcp: [", encoding="utf-8")
        with pytest.raises(SallyportError, match="not YAML"):
            await ask(server.site.folder, Ask(ask="reload"))
        assert set(servers.entries) == {"stays", "comes"}


@pytest.mark.slow
async def test_server_that_is_added_or_removed_is_taken_up_at_once(database: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text(json.dumps({"database": {"url": database}}), encoding="utf-8")

    def read() -> Profile:
        return load(path, environment={})

    async def mcp(*words: str) -> str:
        place = ("--profile", str(path), "--data", str(tmp_path / "data"))
        command = (sys.executable, "-m", "app", "mcp", *words[:2], *place, *words[2:])
        child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=ROOT)
        out, errors = await child.communicate()
        assert child.returncode == 0, errors
        return out.decode()

    wanted = _reachable(read(), database)
    destinations = Destinations([])
    connector = Connector(destinations=destinations, guard=Guard(destinations))
    again = _listening_as(wanted, read)
    async with running(wanted, folder=tmp_path / "data", connector=connector, again=again) as server:
        added = await mcp("add", "desk", "--pins", "approve", "--", sys.executable, str(SIMULATOR))
        assert "has taken it up" in added
        await until(lambda: server.doors.servers.states()["desk"].state == "ready")
        assert server.site.declared.mcp.servers["desk"].pins == "approve"
        assert "has taken it up" in await mcp("remove", "desk")
        assert not server.doors.servers.entries


def _listening_as(wanted: Profile, read: Callable[[], Profile]) -> Callable[[], Profile]:
    """The profile read again, with what the test gave the server beside it."""
    return lambda: msgspec.structs.replace(wanted, mcp=read().mcp)


def test_commands_say_when_no_server_runs(command: Any, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "profile.yaml").write_text(profile("good"), encoding="utf-8")
    shown = command("mcp", "status", "--data", str(data))
    assert shown.code == 0
    assert "No server runs" in shown.out
    refused = command("mcp", "restart", "good", "--data", str(data))
    assert refused.code == 1
    assert "No server runs" in refused.err
