"""Nothing leaves: the file runs its flows in a network namespace, watched by a capture, by strace and by its own check.

Nothing undeclared, not one question to a name server, by each of them; and each of them sees what was seeded.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.frozen.conftest import ROOT
from tests.frozen.silent_flows import WITNESS
from tests.simulators.world import ADDRESS, COLLECTOR, ELSEWHERE, PROVIDER, TOOLS

# alone: all flows run once, and not once for each worker
pytestmark = [pytest.mark.slow, pytest.mark.frozen, pytest.mark.alone, pytest.mark.timeout(900)]
DECLARED = {PROVIDER, COLLECTOR, TOOLS, WITNESS}
TOOLS_NEEDED = ("unshare", "ip", "tcpdump", "strace", "nsenter")
_CALL = re.compile(
    r"sin6?_port=htons\((\d+)\).*?(?:inet_addr\(\"|inet_pton\(AF_INET6, \")([^\"]+)\".*= (-?\d+)(?: (\w+))?"
)


@pytest.fixture(scope="module")
def ran(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which all flows have run."""
    if os.geteuid() != 0 or not all(map(shutil.which, TOOLS_NEEDED)):
        pytest.skip(f"needs root and {', '.join(TOOLS_NEEDED)}")
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/sp-silence-XXXXXXXX"], text=True).strip())
    folder.chmod(0o755)
    words = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-m"]
    done = subprocess.run(
        [*words, "tests.frozen.silent_flows", folder, bundle],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def findings(ran: Path) -> dict[str, Any]:
    return json.loads((ran / "findings").read_text())


def captured(folder: Path, expression: str) -> list[str]:
    done = subprocess.run(
        ["tcpdump", "-nn", "-r", folder / "capture", expression], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def asked(folder: Path) -> set[tuple[str, int, str]]:
    """Address, port and result of every call that names an internet address, by the server and all it started."""
    found, begun = set(), {}
    for line in (folder / "trace").read_text(errors="replace").splitlines():
        process, _, call = line.partition(" ")
        if call.rstrip().endswith("<unfinished ...>"):
            begun[process] = call.replace("<unfinished ...>", "")
            continue
        if "resumed>" in call:
            call = begun.pop(process, "") + call.partition("resumed>")[2]
        match = _CALL.search(call)
        if match:
            found.add((match[2], int(match[1]), match[4] or match[3]))
    return found


def test_all_flows_have_run(findings: dict[str, Any], ran: Path) -> None:
    assert findings["signed in"] is True
    assert all("hello" in said for said in findings["answers"])
    assert "307" in findings["turning"] or "redirect" in findings["turning"].lower(), findings["turning"]
    assert findings["exit"] == 0
    assert b"tool.call" in (ran / "rows").read_bytes()
    assert (ran / "export" / "checkpoint").exists()


def test_the_capture_saw_every_declared_place_and_nothing_else(findings: dict[str, Any], ran: Path) -> None:
    for port in DECLARED:
        assert captured(ran, f"tcp and dst host {ADDRESS} and dst port {port}"), port
    assert captured(ran, findings["filter"]) == []
    assert captured(ran, f"port 53 or host {ELSEWHERE}") == []


def test_no_name_was_asked_for(ran: Path) -> None:
    assert not (ran / "questions").exists()
    assert captured(ran, "udp") == []


def test_no_system_call_named_another_place(ran: Path) -> None:
    calls = asked(ran)
    reached = {(address, port) for address, port, _ in calls if address == ADDRESS}
    assert {port for _, port in reached} == DECLARED
    others = {call for call in calls if call[0] != ADDRESS and not call[0].startswith(("127.", "::1"))}
    # The tool program that tries everything is in a network of its own, where nothing has an address.
    assert {address for address, _, _ in others} <= {ELSEWHERE}
    assert {result for _, _, result in others} <= {"ENETUNREACH", "EPERM", "EACCES"}
    assert (ELSEWHERE, 443) in {(address, port) for address, port, _ in others}


def test_its_own_check_found_it_silent(findings: dict[str, Any]) -> None:
    report = findings["silent"]
    assert (report["code"], report["watched"]["undeclared"]) == (0, []), report
    assert report["watched"]["packets"] > 0
    assert report["trace_id"]
    states = {layer["name"]: layer["state"] for layer in report["layers"]}
    assert set(states.values()) <= {"verified", "present", "absent"}
    assert states["guard: a TCP connection"] == states["tool programs without a grant"] == "verified"


def test_each_layer_finds_what_was_not_approved(findings: dict[str, Any], ran: Path) -> None:
    """The same run against a profile without the provider: what it did is then a violation."""
    report = findings["approved for less"]
    assert report["code"] == 1, report
    seen = {(one["sighting"]["address"], one["sighting"]["port"]) for one in report["watched"]["undeclared"]}
    assert seen == {(ADDRESS, PROVIDER)}
    packets = captured(ran, findings["approved filter"])
    assert packets
    assert all(f"{ADDRESS}.{PROVIDER}" in line for line in packets)
    assert (ADDRESS, PROVIDER) in {(address, port) for address, port, _ in asked(ran)}
