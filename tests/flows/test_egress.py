"""The check that nothing leaves, against a real server: silence is found silent, and whatever breaks it is found."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.confined import landlock
from tests.fix_process import ROOT, Process, Program, Provider, clean, until

pytestmark = pytest.mark.slow
Report = dict[str, Any]

TALKATIVE = """
import runpy, socket, sys
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
runpy.run_module("app.demo.sample_mcp", run_name="__main__")
"""
"""A good tool program that also talks to somebody."""


def verify(
    program: Program, profile: Path | None = None, meanwhile: Callable[[], object] = lambda: time.sleep(0.05)
) -> tuple[int, Report]:
    """Exit code and report; `meanwhile` goes on until it ends."""
    words = program.command("egress", "verify", "--json", "--seconds", "1")
    if profile is not None:
        words[words.index("--profile") + 1] = str(profile)
    process = subprocess.Popen(words, cwd=ROOT, env=clean(), stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        meanwhile()
    assert process.stdout is not None
    with process.stdout:
        return process.returncode, json.loads(process.stdout.read())


def ports(seen: list[Report]) -> set[int]:
    return {one["sighting"]["port"] for one in seen}


def ask(url: str, key: str) -> str:
    body = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read().decode()


@pytest.fixture
def site(database: str, tmp_path: Path) -> Iterator[tuple[Program, Provider]]:
    with Provider() as provider:
        yield Program(tmp_path, database=database, provider=provider.url), provider


def test_a_site_is_silent_by_its_own_profile_and_not_by_one_that_declares_less(site) -> None:
    program, provider = site
    approved = program.folder / "approved.yaml"
    approved.write_text(program.profile.read_text().replace(f":{provider.port}", ":9"))
    with program.serving() as server:
        key = program.key()
        assert "hello" in ask(server.url, key)
        code, report = verify(program, meanwhile=lambda: ask(server.url, key))
        strict, found = verify(program, approved, lambda: ask(server.url, key))
    assert (code, report["watched"]["undeclared"]) == (0, [])
    assert report["watched"]["processes"] > 1
    assert provider.port in ports(report["watched"]["declared"])
    assert (strict, ports(found["watched"]["undeclared"])) == (1, {provider.port})
    states = {layer["name"]: layer["state"] for layer in report["layers"]}
    assert {state for name, state in states.items() if name.startswith("guard")} == {"verified"}
    (held,) = program.rows("SELECT kind, body FROM audit_events WHERE action = 'egress.enforce'")
    if landlock.version() >= 4:
        assert states["kernel: a TCP connection"] == states["kernel: a datagram"] == "verified"
        assert states["kernel: the running server"] == "present"
        assert str(provider.port) in held["body"]["on"]["ports"]
        assert {"sockets", "datagrams"} <= set(held["body"]["on"])
    for one in (report, found):
        (outcome,) = program.rows(
            "SELECT body FROM audit_events WHERE trace_id = %s AND kind = 'outcome'", one["trace_id"]
        )
        assert outcome["body"]["result"]["exit"] == one["exit"]


def test_without_a_server_nothing_can_be_said(site) -> None:
    program, _ = site
    done = program.run("egress", "verify", "--json", "--seconds", "1")
    assert done.returncode == 2
    assert "No running server" in done.stderr


@contextmanager
def phoning_home(program: Program, port: int) -> Iterator[Report]:
    """A server with code inside that has just tried to reach `port`; what became of that."""
    said, log = program.folder / "said", (program.folder / "log").open("ab")
    words = program.command("serve", "--json")
    words[1:3] = ["-m", "tests.simulators.phoning_home", str(port), str(said)]
    with log:
        child = subprocess.Popen(words, cwd=ROOT, env=clean(), stdout=subprocess.PIPE, stderr=log)
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, program.log()
    process = Process(child, json.loads(line)["url"], program)
    try:
        process.signal(signal.SIGUSR1)
        until(said.exists, 60)
        yield json.loads(said.read_text())
    finally:
        process.end()


def test_code_inside_that_phones_home_is_refused_by_guard_and_kernel(site) -> None:
    if landlock.version() < 4:
        pytest.skip("needs a kernel whose Landlock knows TCP")
    program, _ = site
    with socket.create_server(("127.0.0.1", 0)) as home:
        with phoning_home(program, home.getsockname()[1]) as said:
            assert said == {"python": "EgressError", "c": "Permission denied"}
            assert verify(program)[0] == 0
        home.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            home.accept()
    assert "egress refused" in program.log()
    assert "by_python" in program.log()


def test_code_inside_that_no_kernel_holds_is_found_by_the_check(site) -> None:
    program, _ = site
    text = program.profile.read_text() + "egress: {enforce: off}\n"
    program.profile.write_text(text.replace("enforce: off", "enforce: 'off'"))
    with socket.create_server(("127.0.0.1", 0)) as home:
        port = home.getsockname()[1]
        with phoning_home(program, port) as said:
            assert said == {"python": "EgressError", "c": "connected"}
            code, report = verify(program)
    assert code == 1
    assert ports(report["watched"]["undeclared"]) == {port}


def test_a_program_with_the_network_is_told_apart_from_the_site(site) -> None:
    program, _ = site
    with socket.create_server(("127.0.0.1", 0)) as home:
        port = home.getsockname()[1]
        free = {
            "command": [sys.executable, "-c", TALKATIVE, str(port)],
            "folder": str(ROOT),
            "network": True,
        }
        text = program.profile.read_text()
        granted = text.replace("  servers:\n", f"  servers:\n    free: {json.dumps(free)}\n")
        program.profile.write_text(granted)
        with program.serving():
            home.settimeout(60)
            line, _ = home.accept()
            with line:
                code, report = verify(program)
                strict, found = verify(program, _without(program, granted))
    assert (code, ports(report["watched"]["granted"])) == (0, {port})
    assert (strict, ports(found["watched"]["undeclared"])) == (1, {port})


def _without(program: Program, text: str) -> Path:
    """The profile as it was approved: without the grant."""
    path = program.folder / "approved.yaml"
    path.write_text(text.replace('"network": true', '"network": false'))
    return path
