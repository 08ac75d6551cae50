"""The release holds no crash point: the variable is refused like any that is not a setting."""

from pathlib import Path

import pytest

from tests.frozen.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.frozen]


def test_release_refuses_the_variable_and_does_not_hold_it(run: Run, runtime: Path, folder: Path) -> None:
    result = run("config", "show", "--data", str(folder), SALLYPORT_CRASH_AT="record.after_commit")
    assert result.returncode == 2
    assert "SALLYPORT_CRASH_AT is not a setting" in result.stderr
    unpacked = [path for path in runtime.rglob("*") if path.is_file() and "docs" not in path.parts]
    assert unpacked
    assert [str(path) for path in unpacked if b"record.after_commit" in path.read_bytes()] == []
