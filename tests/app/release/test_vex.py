"""Statements about vulnerabilities are complete and about something inside, or there is no document."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from app.core.paths import resources

GOOD = {
    "id": "CVE-2026-1", "component": "libc6", "state": "not_affected", "justification": "code_not_reachable",
    "detail": "Never called.", "reviewed": "2026-11-21",
}  # fmt: skip


def made(folder: Path, *statements: dict[str, str]) -> tuple[int, str, Path]:
    (folder / "vex.yaml").write_text(json.dumps({"statements": statements}))
    sbom = {"specVersion": "1.6", "components": [{"name": "libc6", "bom-ref": "libc6@2"}]}
    (folder / "sbom.json").write_text(json.dumps(sbom))
    target = folder / "vex.json"
    words = [resources() / "build" / "vex.py", folder / "vex.yaml", folder / "sbom.json", target]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, target


def test_statement_becomes_an_analysis_of_the_component(folder: Path) -> None:
    code, said, target = made(folder, GOOD)
    assert code == 0, said
    (entry,) = json.loads(target.read_text())["vulnerabilities"]
    assert (entry["analysis"]["state"], entry["affects"]) == ("not_affected", [{"ref": "libc6@2"}])


@pytest.mark.parametrize(
    "change", [{"component": "left-pad"}, {"state": "fine"}, {"justification": "trust me"}, {"more": "x"}]
)
def test_statement_that_says_nothing_usable_is_refused(folder: Path, change: dict[str, str]) -> None:
    code, said, target = made(folder, GOOD | change)
    assert code == 1
    assert "CVE-2026-1" in said
    assert not target.exists()


def test_the_reviewed_statements_can_be_read(folder: Path) -> None:
    statements = resources() / "build" / "vex.yaml"
    named = {entry["component"] for entry in yaml.safe_load(statements.read_text())["statements"]}
    components = [{"name": name, "bom-ref": name} for name in sorted(named)]
    (folder / "sbom.json").write_text(json.dumps({"specVersion": "1.6", "components": components}))
    words = [resources() / "build" / "vex.py", statements, folder / "sbom.json", folder / "vex.json"]
    subprocess.run([sys.executable, *words], check=True)
