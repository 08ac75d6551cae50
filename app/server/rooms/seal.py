"""The seal over the record of one site, wired: keys, checkpoints outside, leader, sealer."""

import asyncio
from pathlib import Path

import msgspec

from app.audit.sealing import store
from app.audit.sealing.continuity import REMEDY, discontinuity
from app.audit.sealing.outside import Outside
from app.audit.sealing.sealer import Sealer
from app.audit.sealing.state import SealState
from app.audit.signing.source import KeySource, known_keys
from app.audit.witnessing.client import WitnessClient
from app.audit.witnessing.cosigning import Cosigning
from app.config import Profile
from app.core.errors import DatabaseError
from app.egress import Connector
from app.egress.trust import client_context
from app.jobs import Leader
from app.server.rooms.seal_keys import key_source
from app.server.site import Site

LEADER = "seal"
SYSLOG = "/dev/log"


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a serving site's seal."""

    sealer: Sealer
    state: SealState
    source: KeySource
    outside: Outside
    cosigning: Cosigning


def open_seal(site: Site, connector: Connector) -> Seal:
    """Everything that sealing needs; once a site, as its metrics are."""
    state = SealState(registry=site.registry, clock=site.clock, post=site.recorder.post)
    source, outside = key_source(site.profile, site.folder), outside_of(site)
    sealer = Sealer(
        leader=leader_of(site),
        pool=site.pool,
        source=source,
        outside=outside,
        state=state,
        clock=site.clock,
        settings=site.profile.record,
    )
    egress = site.profile.egress
    witnesses = [
        WitnessClient(name, settings, connector=connector, tls=client_context(egress))
        for name, settings in site.profile.record.witnesses.items()
    ]
    cosigning = Cosigning(witnesses=witnesses, pool=site.pool, outside=outside, state=state, clock=site.clock)
    return Seal(sealer=sealer, state=state, source=source, outside=outside, cosigning=cosigning)


def leader_of(site: Site) -> Leader:
    """Who seals."""
    return Leader(connect=lambda: site.connection("seal"), name=LEADER)


def outside_of(site: Site) -> Outside:
    """Where checkpoints go."""
    return outside_at(site.profile, site.folder)


def outside_at(profile: Profile, folder: Path) -> Outside:
    """Where the profile says that checkpoints go."""
    settings = profile.record.checkpoints
    syslog = SYSLOG if settings.syslog == "local" else ""
    return Outside(folder=folder, file=settings.file, syslog=syslog)


async def refuse_undeclared_restore(site: Site, seal: Seal) -> None:
    """DatabaseError when the database does not hold what was signed: a server must not go on from there."""
    async with site.pool.connection() as conn:
        epochs = await store.epochs(conn)
        head = await store.head(conn, epochs[0].epoch) if epochs else None
        keys = await asyncio.to_thread(known_keys, seal.source)
        found = await discontinuity(conn, epochs=epochs, head=head, outside=seal.outside, keys=keys)
    if found is not None:
        seal.state.alarm(found.kind, found.message)
        raise DatabaseError(found.message, remedy=REMEDY)
