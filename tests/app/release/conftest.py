"""An installation of fakes, served by a fake systemd."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.release.installation import Installation
from tests.media import Makers


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can reach and only its owner can change."""
    path = Path(tempfile.mkdtemp(prefix="sp-release-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def makers() -> Makers:
    """Three holders of whom two must sign."""
    return Makers()


@pytest.fixture
def installation(folder: Path, makers: Makers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Release 1 installed and serving."""
    made = Installation(folder, makers)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{made.units}:{os.environ['PATH']}")
    made.install()
    yield made
    made.end()
