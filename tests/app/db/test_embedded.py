"""The embedded server of a site that root starts: its user need not reach what root reaches."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.core.errors import DatabaseError
from app.core.paths import postgres_home
from app.db.embedded import Embedded

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as somebody else"),
]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user reaches, with the programs and a data folder in it."""
    folder = Path(tempfile.mkdtemp(prefix="sp-embedded-"))
    folder.chmod(0o755)
    shutil.copytree(postgres_home(), folder / "home", symlinks=True)
    (folder / "site").mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@asynccontextmanager
async def _started(place: Path) -> AsyncIterator[Embedded]:
    server = Embedded(
        folder=place / "site" / "postgres", home=place / "home", password_file=place / "password"
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_programs_and_data_out_of_reach_are_found_out_by_starting(place: Path) -> None:
    async with _started(place) as first:
        assert await first.answers()
    (place / "home").chmod(0o700)
    async with _started(place) as from_copies:
        assert await from_copies.answers()
    assert (place / "site" / "postgres" / "program" / "bin" / "postgres").exists()
    (place / "site").chmod(0o700)
    with pytest.raises(DatabaseError, match="cannot reach") as refused:
        async with _started(place):
            pass
    assert "--data" in refused.value.remedy
    (place / "site").chmod(0o755)
    async with _started(place) as again:
        assert await again.answers()
