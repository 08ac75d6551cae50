"""Control groups of the kernel itself, where this host lets us have a part of the tree."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
pytestmark = pytest.mark.slow


@pytest.fixture
def part() -> Iterator[tuple[Path, Path]]:
    """A mount of version 2 and a part of its tree that is ours alone."""
    mount = next((one for one in MOUNTS if (one / "cgroup.controllers").exists()), None)
    if mount is None:
        pytest.skip("no control groups of version 2 are mounted here")
    made = mount / f"sallyport-test-{os.getpid()}"
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"nobody lets us make a control group here ({error.strerror})")
    yield mount, made
    for folder in (*made.iterdir(), made):
        if folder.is_dir():
            folder.rmdir()


def grouped(part: tuple[Path, Path], folder: Path, what: str) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "tests.simulators.grouped",
        str(part[1]),
        str(folder),
        what,
        str(part[0]),
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_group_holds_whoever_leaves_the_session_and_ends_them_all(
    part: tuple[Path, Path], tmp_path: Path
) -> None:
    seen = grouped(part, tmp_path, "leave")
    assert seen["level"] == seen["group"] == str(part[1] / "mcp-sim")
    assert seen["members"] >= 2
    assert not seen["there"]
    assert seen["code"] is not None


def test_kernel_ends_what_takes_too_much_memory_and_says_so(part: tuple[Path, Path], tmp_path: Path) -> None:
    if "memory" not in (part[0] / "cgroup.controllers").read_text().split():
        pytest.skip("this host keeps the memory controller in version 1")
    seen = grouped(part, tmp_path, "eat")
    assert "limits.memory_mb" in seen["why"]
    assert not seen["there"]
