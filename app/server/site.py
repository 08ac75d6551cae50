"""One site, wired: database, rooms and corridor, without a listener."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from app.admission import Admission, Vetted
from app.admission.metrics import CallMetrics
from app.admission.recording import Recording
from app.audit.reading import Reading
from app.audit.recorder import Recorder
from app.audit.sinks import Sinks
from app.audit.subjects import Reveal
from app.catalog import Catalog, Review
from app.config import Profile
from app.core.clock import Clock, SystemClock
from app.db import Connection, Pool, connect, open_pool
from app.db.migrate import Migration
from app.identity import Identity
from app.policy import Engine, Policies
from app.secrets import Redactor, Secrets
from app.server.declared import Declared
from app.server.folder import prepare
from app.server.rooms.database import open_database
from app.server.rooms.definitions import open_catalog
from app.server.rooms.keeping import Keeping, open_keeping
from app.server.rooms.recorder import open_recorder
from app.server.rooms.roles import bring_up_to_date, url_for
from app.server.secrecy import open_secrets

log = logging.getLogger(__name__)

_READY_SECONDS = 15.0
_FLUSH_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Everything the doors and commands are given."""

    profile: Profile
    declared: Declared
    folder: Path
    clock: Clock
    registry: CollectorRegistry
    pool: Pool
    recorder: Recorder
    reading: Reading
    keeping: Keeping
    sinks: Sinks
    identity: Identity
    engine: Engine
    policies: Policies
    secrets: Secrets
    catalog: Catalog
    review: Review
    admission: Admission
    migrated: list[Migration]
    database_url: str

    async def connection(self, purpose: str) -> Connection:
        """A connection of its own, outside the pool."""
        settings = self.profile.database
        url = url_for(settings, self.database_url, purpose=purpose)
        return await connect(url, purpose=purpose, timeout=settings.connect_timeout)


@asynccontextmanager
async def open_site(profile: Profile, *, folder: Path, serving: bool) -> AsyncIterator[Site]:
    """Start what a site needs and stop it afterwards; `serving` insists on owning the embedded database."""
    folder = prepare(folder)
    clock, redactor, declared = SystemClock(), Redactor(), Declared(profile)
    async with open_database(profile, folder, serving=serving) as url:
        migrated = await bring_up_to_date(profile.database, url)
        async with (
            open_pool(url, size=profile.database.pool, timeout=profile.database.connect_timeout) as pool,
            open_recorder(profile, url, clock, redact=redactor.decoded) as recorder,
        ):
            secrets = await open_secrets(
                profile,
                folder=folder,
                pool=pool,
                clock=clock,
                redactor=redactor,
                declared=declared,
                serving=serving,
            )
            yield await _wired(
                profile=profile, folder=folder, clock=clock, url=url, pool=pool, recorder=recorder, migrated=migrated,
                secrets=secrets, declared=declared,
            )  # fmt: skip


async def _wired(
    *,
    profile: Profile,
    folder: Path,
    clock: Clock,
    url: str,
    pool: Pool,
    recorder: Recorder,
    migrated: list[Migration],
    secrets: Secrets,
    declared: Declared,
) -> Site:
    """The rooms over the database, and the corridor over them."""

    registry = CollectorRegistry()
    identity = Identity(pool=pool, clock=clock, settings=profile.identity)
    engine = Engine(pool=pool)
    catalog = await open_catalog(declared, pool=pool, recorder=recorder, clock=clock)
    keeping = await open_keeping(
        profile, folder=folder, url=url, pool=pool, recorder=recorder, clock=clock, users=identity.users
    )
    reveal = Reveal(keeping.persons)
    await identity.refresh()
    await engine.refresh()
    recording = Recording(profile.record, persons=keeping.sealing, redact=secrets.redactor.decoded)
    return Site(
        profile=profile,
        declared=declared,
        folder=folder,
        clock=clock,
        registry=registry,
        pool=pool,
        recorder=recorder,
        migrated=migrated,
        database_url=url,
        reading=Reading(pool, reveal=reveal),
        keeping=keeping,
        sinks=_sinks(profile, url, pool, clock, keeping),
        identity=identity,
        engine=engine,
        policies=Policies(pool=pool, clock=clock),
        secrets=secrets,
        catalog=catalog,
        review=Review(pool=pool, clock=clock),
        admission=_corridor(identity, Vetted(engine, catalog), recorder, recording, registry=registry),
    )


def _corridor(
    identity: Identity,
    policy: Vetted,
    recorder: Recorder,
    recording: Recording,
    *,
    registry: CollectorRegistry,
) -> Admission:
    """What every call passes."""
    return Admission(
        identity=identity.authenticator,
        policy=policy,
        budgets=identity.budgets,
        records=recorder,
        recording=recording,
        clock=SystemClock(),
        metrics=CallMetrics(registry),
    )


def _sinks(profile: Profile, url: str, pool: Pool, clock: Clock, keeping: Keeping) -> Sinks:
    """The sinks, whose rows retention leaves alone until they are delivered."""

    async def dial(purpose: str) -> Connection:
        return await connect(url, purpose=purpose, timeout=profile.database.connect_timeout)

    sinks = Sinks(
        settings=profile.sinks, pool=pool, connect=dial, clock=clock, reveal=Reveal(keeping.persons)
    )
    keeping.retention.wait_for(sinks.lack)
    return sinks
