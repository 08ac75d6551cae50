"""The file alone backs up a site that serves, restores it elsewhere, and the record there says what happened."""

from pathlib import Path

import pytest

from tests.frozen.conftest import Run
from tests.frozen.serving import lines, serving

pytestmark = [pytest.mark.slow, pytest.mark.frozen, pytest.mark.timeout(300)]


def test_the_file_restores_what_it_backed_up(
    bundle: Path, folder: Path, environment: dict[str, str], run: Run
) -> None:
    made = run("backup", "new-key", str(folder / "identity"))
    assert made.returncode == 0, made.stderr
    file = str(folder / "site.age")
    with serving(bundle, folder / "data", environment):
        assert run("user", "create", "dora", "--data", str(folder / "data")).returncode == 0
        order = ("--output", file, "--recipient", made.stdout.strip(), "--data", str(folder / "data"))
        written = run("backup", *order)
        assert written.returncode == 0, written.stderr
    drilled = run("restore", file, "--identity", str(folder / "identity"), "--drill")
    assert drilled.returncode == 0, drilled.stdout + drilled.stderr
    words = ("--identity", str(folder / "identity"), "--reason", "a drill", "--data", str(folder / "again"))
    restored = run("restore", file, *words)
    assert restored.returncode == 0, restored.stderr
    with serving(bundle, folder / "again", environment):
        listed = run("user", "list", "--json", "--data", str(folder / "again"))
        assert [user["name"] for user in lines(listed.stdout)] == ["dora"]
        status = run("status", "--json", "--data", str(folder / "again"))
        assert status.returncode == 0, status.stdout
    verified = run("audit", "verify", "--data", str(folder / "again"))
    assert verified.returncode == 0, verified.stdout
