"""The file alone, in an empty folder, with nobody to call: it shows everything, and nothing leaves."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.frozen.conftest import Run
from tests.frozen.serving import lines

pytestmark = [pytest.mark.slow, pytest.mark.frozen]

# A network namespace with nothing but its loopback, where every address of the world is routed to that loopback and
# listened to: whatever the file sends to any host or name server is seen there, and reaches nobody.
NAMESPACE = """
    set -eu
    ip link set lo up
    ip address add 192.0.2.1/32 dev lo
    ip route add default dev lo src 192.0.2.1
    ip -6 route add default dev lo || true
    tcpdump -i lo -U --immediate-mode -w "$1/capture" 'not net 127.0.0.0/8 and not host ::1' 2>"$1/tcpdump.log" &
    capture=$!
    until grep -q listening "$1/tcpdump.log"; do sleep 0.05; done
    status=0
    cd "$1/alone" && env -i PATH=/usr/bin:/bin SALLYPORT_RUNTIME_DIR="$2" ./sallyport demo --once --json --data "$1/data" \
        || status=$?
    sleep 0.5
    kill -INT $capture; wait $capture || true
    exit $status
"""


def require_capture() -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "tcpdump"))):
        pytest.skip("needs root, unshare, ip and tcpdump for a network namespace with a capture")


@pytest.fixture
def story(bundle: Path, folder: Path, runtime: Path) -> subprocess.CompletedProcess[str]:
    require_capture()
    alone = folder / "alone"
    alone.mkdir()
    shutil.copy(bundle, alone / "sallyport")
    return subprocess.run(
        ["unshare", "--net", "sh", "-c", NAMESPACE, "sh", folder, runtime],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_story_runs_without_a_network_and_nothing_leaves(
    story: subprocess.CompletedProcess[str], folder: Path, run: Run
) -> None:
    assert story.returncode == 0, story.stderr
    steps = lines(story.stdout)
    assert {step["decision"] for step in steps} == {"permit", "forbid"}
    assert all(len(step["trace_id"]) == 32 and step["step"] for step in steps)
    assert sorted(path.name for path in (folder / "alone").iterdir()) == ["sallyport"]
    packets = subprocess.run(
        ["tcpdump", "-nn", "-r", folder / "capture"], capture_output=True, text=True, check=True
    ).stdout
    assert packets == ""
    recorded = run("audit", "list", "--data", str(folder / "data"), "--json")
    assert recorded.returncode == 0, recorded.stderr
    for step in steps:
        assert step["trace_id"] in recorded.stdout, step
    held = run(
        "audit", "query", "--action", "egress.enforce", "--format", "jsonl", "--data", str(folder / "data")
    )
    assert [row["action"] for row in lines(held.stdout)] == ["egress.enforce"], held.stderr


def test_children_start_from_the_unpacked_program(apart) -> None:
    """Its sample tool server has a scrubbed environment and must not unpack the file a second time."""
    result = apart("""
        mkdir -m 755 /var/lib/rt
        env -i PATH=/usr/bin:/bin SALLYPORT_RUNTIME_DIR=/var/lib/rt $file demo --once --json --data /var/lib/site
        ls /var/lib /var/tmp /dev/shm
    """)
    assert result.returncode == 0, result.stderr
    assert "sallyport-rt" not in result.stdout


def test_capture_would_have_seen_a_packet(folder: Path) -> None:
    require_capture()
    alone = folder / "alone"
    alone.mkdir()
    (alone / "sallyport").write_text("#!/bin/bash\necho >/dev/udp/198.51.100.1/53\n")
    (alone / "sallyport").chmod(0o755)
    subprocess.run(["unshare", "--net", "sh", "-c", NAMESPACE, "sh", folder, "-"], check=True, timeout=60)
    packets = subprocess.run(
        ["tcpdump", "-nn", "-r", folder / "capture"], capture_output=True, text=True, check=True
    )
    assert packets.stdout != ""
