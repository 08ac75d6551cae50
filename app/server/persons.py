"""The persons of a site's record, with the key that wraps theirs: from the profile, or from the data folder."""

from pathlib import Path

from app.audit.statement import Statements
from app.audit.subjects import Persons
from app.audit.subjects.persons import site_key_for
from app.audit.subjects.site_key import make_site_key, parse_site_key, read_site_key
from app.config import Profile
from app.core.clock import Clock
from app.db import Pool


def open_statements(folder: Path) -> Statements:
    """The file of what was taken from the record, signed by the record's keys."""
    return Statements(folder / "record" / "statements", sign=lambda text: text)


async def open_persons(profile: Profile, *, folder: Path, pool: Pool, clock: Clock) -> Persons:
    """The keys of persons; ConfigError when this node has not the key that sealed what is there."""
    path = folder / "keys" / "record" / "subjects"
    given = profile.record.subjects_key
    held = parse_site_key(given.reveal(), where="record.subjects_key") if given else read_site_key(path)
    site_key = await site_key_for(pool, held, lambda: make_site_key(path))
    return Persons(pool=pool, clock=clock, site_key=site_key)
