"""A backup in a scratch folder with a server of its own: nothing is declared there, and nothing leaves it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from app.backup.reading import BackupReader, Checked
from app.config import Profile
from app.core.paths import postgres_home, resources
from app.db import Connection, connect
from app.db.copying import loading
from app.db.keeping import embedded
from app.db.migrate import read_migrations
from app.server.backup.filling import Progress, fill, shape_of, stage_files
from app.server.process import run_guarded

Dial = Callable[[], Awaitable[Connection]]
"""Opens a connection to the scratch database."""


def in_scratch(
    reader: BackupReader,
    checked: Checked,
    *,
    folder: Path,
    keys: Path | None,
    progress: Progress,
    then: Callable[[Dial], Awaitable[None]],
) -> None:
    """Load it into the empty `folder`, and do `then` with it."""
    parts = reader.again(checked)
    stage_files(folder, parts, checked, keys)
    (folder / "keys").mkdir(mode=0o700, exist_ok=True)

    async def whole() -> None:
        async with embedded(
            folder=folder / "postgres",
            home=postgres_home(),
            password_file=folder / "keys" / "database",
            wait=0,
            share=False,
        ) as url:

            async def dial() -> Connection:
                return await connect(url, purpose="drill")

            async with await dial() as conn:
                known = read_migrations(resources() / "migrations")
                async with loading(conn, shape_of(checked), known):
                    await fill(conn, checked, parts, progress)
            await then(dial)

    run_guarded(Profile(), lambda _: whole(), fast=False)
