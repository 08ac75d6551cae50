"""The site's database: the embedded one unless the profile names another."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from app.config import Profile
from app.core.paths import postgres_home
from app.db.embedded import Embedded
from app.db.keeping import embedded


def open_database(
    profile: Profile, folder: Path, *, serving: bool, meanwhile: Callable[[], None] = lambda: None
) -> AbstractAsyncContextManager[str]:
    """The connection string inside the block; `serving` insists on owning the embedded server.

    `meanwhile` is done while the embedded server starts; an external one needs no such time.
    """
    if profile.database.url:
        return _given(profile.database.url.reveal())
    return embedded(
        folder=folder / "postgres",
        home=postgres_home(),
        password_file=folder / "keys" / "database",
        wait=30.0,
        share=not serving,
        meanwhile=meanwhile,
        previous=profile.database.previous,
    )


async def reachable(profile: Profile, folder: Path) -> str:
    """The connection string of a database that answers without anything being started, empty when none does."""
    if profile.database.url:
        return profile.database.url.reveal()
    server = _embedded_in(folder)
    return server.url if await server.answers() else ""


def _embedded_in(folder: Path) -> Embedded:
    there = folder.resolve()  # a relative path of a socket would be taken for a host's name
    return Embedded(
        folder=there / "postgres", home=postgres_home(), password_file=there / "keys" / "database"
    )


@asynccontextmanager
async def _given(url: str) -> AsyncIterator[str]:
    yield url
