"""The process around a site: the egress guard first, then the event loop."""

import asyncio
import resource
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from app.config import Profile
from app.core.errors import ConfigError
from app.egress import Connector, Destination, Destinations, Guard, guarded_loop
from app.egress.destinations import declared
from app.egress.trust import trust_of_libpq

T = TypeVar("T")


def run_guarded(profile: Profile, main: Callable[[Connector], Awaitable[T]], *, fast: bool) -> T:
    """Run `main` with nothing but the profile's destinations reachable; `fast` takes uvloop, for servers."""
    trust_of_libpq(profile.egress)
    destinations = Destinations(all_places(profile))
    guard = Guard(destinations)
    connector = Connector(destinations=destinations, guard=guard)

    async def whole() -> T:
        return await main(connector)

    loop_factory = (lambda: guarded_loop(guard)) if fast else None
    with guard.watching(), asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(whole())


def leave_no_core() -> None:
    """A crash of this process, or of a program it starts, writes no memory to disk."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", encoding="ascii")


def all_places(profile: Profile) -> list[Destination]:
    """Every place this site may connect to."""
    return [*declared(profile), *database_places(profile)]


def database_places(profile: Profile) -> Iterator[Destination]:
    """Host and port of the profile's database; a unix socket is no destination."""
    settings = profile.database
    for key in ("url", "owner_url", "sealer_url"):
        if secret := getattr(settings, key):
            yield from _places(key, secret.reveal())


def _places(key: str, url: str) -> Iterator[Destination]:
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        # libpq's own message would repeat a part of the secret.
        raise ConfigError(
            f"database.{key}: not a PostgreSQL connection string.",
            remedy="Write postgresql://USER@HOST/NAME.",
        ) from None
    hosts = str(given.get("host") or "localhost").split(",")
    ports = str(given.get("port") or "5432").split(",")
    for number, host in enumerate(hosts):
        if host and not host.startswith(("/", "@")):
            port = ports[min(number, len(ports) - 1)]
            yield Destination(name="database", host=host, port=int(port or 5432), purpose="PostgreSQL")
