"""What a site keeps of its record and what it lets go: persons and their keys, holds, erasures, retention."""

import asyncio
import logging
import os
from pathlib import Path

import msgspec

from app.audit.recorder import Recorder
from app.audit.retention import Holds, Retention
from app.audit.sealing import store as sealing_store
from app.audit.sealing.authority import signing_keys
from app.audit.statement import HEADER, Statements
from app.audit.subjects import Persons
from app.audit.subjects.erasure import Erasures, Forgets
from app.audit.subjects.persons import site_key_for
from app.audit.subjects.site_key import SiteKey, make_site_key, parse_site_key, read_site_key
from app.audit.tlog.signing import signed
from app.config import Profile
from app.core.clock import Clock
from app.core.errors import ConfigError
from app.db import Connection, Pool, connect
from app.server.rooms.seal_keys import key_source

log = logging.getLogger(__name__)


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """The parts; `sealing` are the persons whose values are sealed, None where the profile leaves them open."""

    persons: Persons
    sealing: Persons | None
    erasures: Erasures
    holds: Holds
    retention: Retention


async def open_keeping(
    profile: Profile, *, folder: Path, url: str, pool: Pool, recorder: Recorder, clock: Clock, users: Forgets
) -> Keeping:
    """Everything of this subject; ConfigError when this node has not the key that sealed what is there."""

    async def dial() -> Connection:
        return await connect(url, purpose="retention", timeout=profile.database.connect_timeout)

    persons = await open_persons(profile, folder=folder, pool=pool, clock=clock)
    statements = open_statements(profile, folder=folder, pool=pool)
    return Keeping(
        persons=persons,
        sealing=persons if profile.record.personal == "sealed" else None,
        erasures=Erasures(
            pool=pool,
            connect=dial,
            persons=persons,
            accounts=users,
            write=recorder.write,
            statements=statements,
            clock=clock,
        ),
        holds=Holds(pool=pool, clock=clock, write=recorder.write),
        retention=Retention(
            connect=dial,
            clock=clock,
            settings=profile.record.retention,
            write=recorder.write,
            statements=statements,
        ),
    )


def open_statements(profile: Profile, *, folder: Path, pool: Pool) -> Statements:
    """The file of what was taken from the record, signed by the record's own keys."""
    source = key_source(profile, folder)

    async def sign(line: str) -> str:
        async with pool.connection() as conn:
            signers = await signing_keys(conn, source)
            epochs = await sealing_store.epochs(conn)
        if not signers or not epochs:
            raise ConfigError("The log of this site has not begun.", remedy="Start the site once.")
        text = f"{HEADER}\n{epochs[0].origin}\n{line}\n"
        return str(await asyncio.to_thread(signed, text, signers[:1], seconds=0))

    return Statements(folder / "record" / "statements", sign=sign)


async def open_persons(profile: Profile, *, folder: Path, pool: Pool, clock: Clock) -> Persons:
    """The keys of persons; ConfigError when this node has not the key that sealed what is there."""
    path = folder / "keys" / "record" / "subjects"
    given = profile.record.subjects_key
    held = parse_site_key(given.reveal(), where="record.subjects_key") if given else read_site_key(path)
    try:
        site_key = await site_key_for(pool, held, lambda: make_site_key(path))
    except ConfigError as error:
        if profile.record.personal != "open":
            raise
        log.warning("persons' values in the record cannot be read: %s", error.message)
        site_key = SiteKey(os.urandom(32))  # nothing is sealed with it
    return Persons(pool=pool, clock=clock, site_key=site_key)
