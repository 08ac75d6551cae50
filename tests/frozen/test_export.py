"""The file exports its record; a machine without site and network verifies it by the file, or by the script alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.frozen.conftest import Run
from tests.frozen.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.frozen]


def elsewhere(*words: str | Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command in a network namespace of its own, which has not even a loopback."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare for a network namespace")
    return subprocess.run(
        ["unshare", "--net", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_an_export_is_verified_on_another_machine(
    bundle: Path, folder: Path, environment: dict[str, str], run: Run
) -> None:
    out, script = folder / "out", folder / "verify.py"
    with serving(bundle, folder / "data", environment):
        made = run("audit", "export", "--output", str(out), "--data", str(folder / "data"), "--json")
        assert (made.returncode, made.stderr) == (0, "")
    rows = json.loads(made.stdout)["rows"]
    assert rows > 0
    key = (out / "keys" / "log.vkey").read_text().split()[0]

    by_file = elsewhere(bundle, "audit", "verify", out, "--key", key, "--json", environment=environment)
    assert by_file.returncode == 0, by_file.stdout + by_file.stderr
    assert json.loads(by_file.stdout)["checked"]["rows"] == rows

    script.write_text(run("audit", "verifier").stdout)
    by_script = elsewhere(sys.executable, "-I", script, out, "--key", key, "--json", environment={})
    assert by_script.returncode == 0, by_script.stdout + by_script.stderr
    assert json.loads(by_script.stdout)["checked"]["rows"] == rows

    entries = next((out / "tile" / "entries").rglob("*.p/*"))
    entries.write_bytes(entries.read_bytes().replace(b'"kind":"', b'"Kind":"', 1))
    assert elsewhere(bundle, "audit", "verify", out, environment=environment).returncode == 1
    assert elsewhere(sys.executable, "-I", script, out, environment={}).returncode == 1
