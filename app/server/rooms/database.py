"""The site's database: the embedded one unless the profile names another."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from app.config import Profile
from app.core.paths import postgres_home
from app.db.keeping import embedded


def open_database(profile: Profile, folder: Path, *, serving: bool) -> AbstractAsyncContextManager[str]:
    """The connection string inside the block; `serving` insists on owning the embedded server."""
    if profile.database.url:
        return _given(profile.database.url.reveal())
    return embedded(
        folder=folder / "postgres",
        home=postgres_home(),
        password_file=folder / "keys" / "database",
        wait=30.0,
        share=not serving,
        previous=profile.database.previous,
    )


@asynccontextmanager
async def _given(url: str) -> AsyncIterator[str]:
    yield url
