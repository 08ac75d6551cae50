"""What a hostile tool program gets at: nothing, or the level says that this host cannot hold it.

Each attempt is made by tests/simulators/hostile_program.py from inside, as root's child with a user of its own and as
an unprivileged Sallyport's child, on this host and on one that lets nobody make namespaces. Unconfined, the same
program gets through: that shows that the attempts are real.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[4]
CONFINING = ROOT / "tests" / "simulators" / "confining.py"
PYTHON = "/usr/bin/python3"
NOBODY = 54_321
PACKAGES = Path(msgspec.__file__).parent.parent
NEEDS = {
    "sibling": ("files", "processes"),
    "signals": ("signals",),
    "files": ("files",),
    "own_program": ("files",),
    "unix_sockets": ("syscalls",),
    "network": ("network",),
    "kernel": ("syscalls", "privileges"),
    "descriptors": ("descriptors",),
    "environment": (),
    "memory": ("limits",),
    "processes": ("limits",),
    "disk": ("limits",),
    "outlive": ("processes",),
}
HOSTS = [(who, host) for who in ("root", "nobody") for host in ("full", "poor")]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path(PYTHON).exists() or sys.version_info[:2] != (3, 11),
        reason="needs a python3 that every user can reach, of the version this test runs in",
    ),
]


def confine(who: str, host: str) -> dict[str, Any]:
    """What the stand-in for Sallyport saw."""
    if who == "root" and os.geteuid() != 0:
        pytest.skip("root's side needs root")
    with tempfile.TemporaryDirectory(prefix="sallyport-hostile-", dir="/tmp") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        user = NOBODY if who == "nobody" and os.geteuid() == 0 else None
        for path in (Path(folder), data):
            path.chmod(0o711)
            if user:
                os.chown(path, user, user)
        done = subprocess.run(
            [PYTHON, str(CONFINING), str(data.resolve()), host],
            env={"PYTHONPATH": f"{ROOT}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"},
            user=user,
            group=user,
            extra_groups=[] if user else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=HOSTS, ids=["-".join(pair) for pair in HOSTS])
def seen(request: pytest.FixtureRequest) -> dict[str, Any]:
    return confine(*request.param)


@pytest.mark.parametrize("attempt", NEEDS)
def test_attempt_is_stopped(seen: dict[str, Any], attempt: str) -> None:
    missing = {name: seen["off"][name] for name in NEEDS[attempt] if name in seen["off"]}
    if missing:
        pytest.skip(f"this host does not offer {missing}")
    assert seen["found"].get(attempt) == "", seen["words"]


def test_nothing_is_left_and_nothing_arrived(seen: dict[str, Any]) -> None:
    if not {"processes", "network"} <= set(seen["on"]):
        pytest.skip(f"this host does not offer {seen['off']}")
    assert (seen["left"], seen["datagram"], seen["sibling"]) == (0, "", True)


def test_every_measure_is_reported_on_or_off(seen: dict[str, Any]) -> None:
    from app.confined.order import MEASURES

    assert set(seen["on"]) | set(seen["off"]) == set(MEASURES)
    assert not set(seen["on"]) & set(seen["off"])
    assert all(seen["off"].values())


def test_host_without_namespaces_says_so() -> None:
    seen = confine("nobody" if os.geteuid() == 0 else "self", "poor")
    assert "hidden" in seen["off"]
    assert "namespaces cannot be made" in str(seen)


def test_the_same_program_gets_through_unconfined() -> None:
    seen = confine("nobody", "free")
    got = {name for name, what in seen["found"].items() if what}
    assert {"signals", "files", "unix_sockets", "network", "kernel", "memory", "processes", "disk"} <= got
    assert seen["datagram"] == "hello"
