"""One site, wired: database, rooms and corridor, without a listener."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from prometheus_client import CollectorRegistry

from app.admission import Admission
from app.admission.metrics import CallMetrics
from app.admission.recording import Recording
from app.audit.reading import Reading
from app.audit.recorder import Recorder
from app.audit.retention import Holds
from app.audit.subjects import Persons, Reveal
from app.audit.subjects.erasure import Erasures
from app.config import Profile
from app.core.clock import Clock, SystemClock
from app.core.errors import DatabaseError
from app.core.paths import postgres_home, resources
from app.db import Connection, Pool, connect, open_pool
from app.db.keeping import embedded
from app.db.migrate import Migration, migrate, read_migrations
from app.identity import Identity
from app.policy import Engine, Policies
from app.server.folder import prepare
from app.server.persons import open_persons, open_statements

log = logging.getLogger(__name__)

_READY_SECONDS = 15.0
_FLUSH_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Everything the doors and commands are given."""

    profile: Profile
    folder: Path
    clock: Clock
    registry: CollectorRegistry
    pool: Pool
    recorder: Recorder
    reading: Reading
    persons: Persons
    erasures: Erasures
    holds: Holds
    identity: Identity
    engine: Engine
    policies: Policies
    admission: Admission
    migrated: list[Migration]
    database_url: str

    async def connection(self, purpose: str) -> Connection:
        """A connection of its own, outside the pool."""
        return await connect(
            self.database_url, purpose=purpose, timeout=self.profile.database.connect_timeout
        )


@asynccontextmanager
async def open_site(profile: Profile, *, folder: Path, serving: bool) -> AsyncIterator[Site]:
    """Start what a site needs and stop it afterwards; `serving` insists on owning the embedded database."""
    folder = prepare(folder)
    clock = SystemClock()
    async with _database(profile, folder, serving=serving) as url:
        migrated = await _migrate(url, timeout=profile.database.connect_timeout)
        async with (
            open_pool(url, size=profile.database.pool, timeout=profile.database.connect_timeout) as pool,
            _recorder(profile, url, clock) as recorder,
        ):
            registry = CollectorRegistry()
            identity = Identity(pool=pool, clock=clock, settings=profile.identity)
            engine = Engine(pool=pool)
            persons = await open_persons(profile, folder=folder, pool=pool, clock=clock)
            sealing = persons if profile.record.personal == "sealed" else None
            await identity.refresh()
            await engine.refresh()
            yield Site(
                profile=profile,
                folder=folder,
                clock=clock,
                registry=registry,
                pool=pool,
                recorder=recorder,
                reading=Reading(pool, reveal=Reveal(persons)),
                persons=persons,
                erasures=Erasures(
                    pool=pool,
                    persons=persons,
                    accounts=identity.users,
                    write=recorder.write,
                    statements=open_statements(folder),
                    clock=clock,
                ),
                holds=Holds(pool=pool, clock=clock, write=recorder.write),
                identity=identity,
                engine=engine,
                policies=Policies(pool=pool, clock=clock),
                admission=Admission(
                    identity=identity.authenticator,
                    policy=engine,
                    budgets=identity.budgets,
                    records=recorder,
                    recording=Recording(profile.record, persons=sealing),
                    clock=clock,
                    metrics=CallMetrics(registry),
                ),
                migrated=migrated,
                database_url=url,
            )


def _database(profile: Profile, folder: Path, *, serving: bool) -> AbstractAsyncContextManager[str]:
    if profile.database.url:
        return _given(profile.database.url.reveal())
    return embedded(
        folder=folder / "postgres",
        home=postgres_home(),
        password_file=folder / "keys" / "database",
        wait=30.0,
        share=not serving,
    )


@asynccontextmanager
async def _given(url: str) -> AsyncIterator[str]:
    yield url


async def _migrate(url: str, *, timeout: float) -> list[Migration]:
    async with await connect(url, purpose="migrate", timeout=timeout) as conn:
        return await migrate(conn, read_migrations(resources() / "migrations"))


@asynccontextmanager
async def _recorder(profile: Profile, url: str, clock: Clock) -> AsyncIterator[Recorder]:
    async def dial() -> Connection:
        return await connect(url, purpose="record", timeout=profile.database.connect_timeout)

    recorder = Recorder(connect=dial, node=profile.node, boot=uuid4(), clock=clock, settings=profile.record)
    # Its life is this block: closed, flushed and awaited below.
    task = asyncio.create_task(recorder.run(), name="record")
    try:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await recorder.ready.wait()
        except TimeoutError:
            raise DatabaseError(
                "The record cannot be opened.", remedy="See the log; check the database."
            ) from None
        yield recorder
    finally:
        recorder.close()
        done, _ = await asyncio.wait({task}, timeout=_FLUSH_SECONDS)
        if not done:
            task.cancel()
            await asyncio.wait({task})
