"""A program that serves a port where no namespace can be had: that one port by Landlock, TCP only by seccomp."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from app.confined import landlock

ROOT = Path(__file__).resolve().parents[4]
POOR = ROOT / "tests" / "simulators" / "web_poor.py"
PYTHON = "/usr/bin/python3"
PACKAGES = Path(msgspec.__file__).parent.parent


@pytest.mark.slow
@pytest.mark.skipif(
    not Path(PYTHON).exists() or sys.version_info[:2] != (3, 11) or landlock.version() < 4,
    reason="needs a python3 that every user can reach, and a kernel whose Landlock knows ports",
)
def test_it_serves_its_port_and_nothing_else() -> None:
    with tempfile.TemporaryDirectory(prefix="sallyport-ports-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        (Path(folder) / "mcp").mkdir()
        user = 54_321 if os.geteuid() == 0 else None
        if user:
            for path in (folder, f"{folder}/mcp"):
                os.chown(path, user, user)
        ended = subprocess.run(
            [PYTHON, str(POOR), folder],
            cwd="/",
            env={"PYTHONPATH": f"{ROOT}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"},
            user=user,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        seen = json.loads(ended.stdout)
    assert seen["on"]["network"].startswith("TCP only")
    assert "namespaces cannot be made" in seen["on"]["processes"]
    assert seen["who"]["port"] > 0
    assert seen["own"]
    assert (seen["connects"], seen["binds"]) == ("PermissionError", "PermissionError")
    assert seen["datagram"] == "OSError"
