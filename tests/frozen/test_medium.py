"""scripts/release makes a medium that sha256sum, openssl and the file itself find in order."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.frozen.conftest import ROOT, Run

pytestmark = [pytest.mark.slow, pytest.mark.frozen]


def script(*words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "release", *words],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_medium_is_verified_with_ordinary_tools_and_by_the_file(bundle: Path, folder: Path, run: Run) -> None:
    keys, medium = folder / "keys", folder / "medium"
    made = script("keys", keys)
    assert made.returncode == 0, made.stderr
    made = script("medium", medium, "3", keys / "dev-1.key", keys / "dev-3.key", FILE=str(bundle))
    assert made.returncode == 0, made.stderr
    assert script("medium", medium, "4", FILE=str(bundle)).returncode == 1

    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=medium, check=True)
    if shutil.which("openssl"):
        verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "signatures/dev-1.pem", "-rawin"]
        verify += ["-in", "SHA256SUMS", "-sigfile", "signatures/dev-1.sig"]
        subprocess.run(verify, cwd=medium, check=True, capture_output=True)
    names = {item["path"] for item in json.loads((medium / "manifest.json").read_text())["files"]}
    assert {"sallyport", "sbom.cdx.json", "vex.cdx.json", "VERIFY.md", "docs/operators/updates.md"} <= names
    vex = json.loads((medium / "vex.cdx.json").read_text())
    sbom = json.loads((medium / "sbom.cdx.json").read_text())
    assert vex["bomFormat"] == "CycloneDX"
    about = {affected["ref"] for found in vex["vulnerabilities"] for affected in found["affects"]}
    assert about
    assert about <= {component["bom-ref"] for component in sbom["components"]}

    given = (
        "update",
        "verify",
        str(medium),
        "--prefix",
        str(folder / "none"),
        "--keyset",
        str(keys / "keyset.json"),
    )
    assert "--development" in run(*given).stderr
    told = run(*given, "--development", "--json")
    assert json.loads(told.stdout)["signed"] == ["dev-1", "dev-3"], told.stderr
    with (medium / "docs" / "quick-start.md").open("a") as file:
        file.write("!")
    assert "is not the one that was signed" in run(*given, "--development").stderr
