"""The seal over the record, as doctor sees it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from app.audit.sealing.store import Failed
from app.audit.sealing.survey import Survey, survey
from app.audit.signing.source import newest_of
from app.config import Profile
from app.core.errors import ConfigError, ProofError, SallyportError
from app.db import connect
from app.server.checks import Finding
from app.server.rooms.database import reachable
from app.server.rooms.seal import outside_at
from app.server.rooms.seal_keys import key_source

_MANY = 100_000


async def seal_findings(profile: Profile, folder: Path) -> AsyncIterator[Finding]:
    """Key, checkpoints outside and, where the database can be asked, whether they agree."""
    try:
        key = key_source(profile, folder)
        signers = newest_of(await asyncio.to_thread(key.load))
        named = (
            f"{signers[0].key.name} ({signers[0].key.id.hex()})"
            if signers
            else "none yet: made by the first start"
        )
        yield Finding(check="record key", state="ok", found=named)
        latest = outside_at(profile, folder).latest()
    except (ConfigError, ProofError) as error:
        yield Finding(check="record seal", state="fail", found=error.message, remedy=error.remedy)
        return
    told = f"{latest.checkpoint.size} rows of {latest.checkpoint.origin}" if latest else "none yet"
    yield Finding(check="checkpoints outside", state="ok", found=told)
    if url := await reachable(profile, folder):
        try:
            found = await _survey(profile, folder, url)
        except (SallyportError, *Failed):
            return  # the database's own line says why
        yield _unsealed(found)
        for said, remedy in found.troubles:
            yield Finding(check="record seal", state="fail", found=said, remedy=remedy)


async def _survey(profile: Profile, folder: Path, url: str) -> Survey:
    timeout = profile.database.connect_timeout
    async with await connect(url, purpose="doctor", timeout=timeout) as conn:
        outside = outside_at(profile, folder)
        return await survey(conn, source=key_source(profile, folder), outside=outside)


def _unsealed(found: Survey) -> Finding:
    many = found.unsealed > _MANY
    return Finding(
        check="record sealed",
        state="warn" if many else "ok",
        found=f"{found.size} rows, {found.unsealed} wait",
        remedy="Look at the server's log for the sealer's alarm." if many else "",
    )
