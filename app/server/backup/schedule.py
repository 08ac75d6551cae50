"""Backups by the clock: one node writes them into the folder of the profile, and the newest of this site are kept."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.audit.sealing.outside import base_origin
from app.backup.age import read_recipients
from app.config.backup import Backup
from app.core.call import Resource
from app.core.passage import Passage
from app.jobs import Leader
from app.server.backup.restore import site_origin
from app.server.backup.write import Order, Written, write_backup
from app.server.first_run import host_call
from app.server.site import Site

ACTION = "admin.backup"
LEADER = "backup"
_STAMP = "%Y%m%dT%H%M%SZ"  # of UTC
_PATIENCE = timedelta(minutes=10)
_PLAIN = re.compile(r"[^A-Za-z0-9.-]+")


class Scheduled:
    """Looks whether the newest backup is too old, and writes one as the node that leads."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._settings = site.profile.backup
        self._leader = Leader(connect=lambda: site.connection(LEADER), name=LEADER)
        self._tried: datetime | None = None

    async def step(self) -> Written | None:
        """One backup if it is time for it; after one that failed, not before a while."""
        site, settings = self._site, self._settings
        if not settings.folder or await self._leader.connection() is None:
            return None
        path, now = next_file(site), site.clock.now()
        newest = newest_backup(settings, site.folder)
        if path is None or (newest and now - newest < timedelta(hours=settings.hours)):
            return None
        if self._tried and now - self._tried < _PATIENCE:
            return None
        self._tried = now
        done = await self._write(path)
        self._tried = None
        return done

    async def _write(self, path: Path) -> Written:
        async with self._site.admission.admit(host_call(ACTION, Resource("site", "backup"))) as passage:
            return await write_kept(self._site, path, passage)

    async def close(self) -> None:
        """Let another node lead."""
        await self._leader.resign()


async def write_kept(site: Site, path: Path, passage: Passage) -> Written:
    """Write one of the backups that are kept, and remove those that are too many; the passage notes both."""
    settings = site.profile.backup
    done = await write_backup(
        site.profile,
        folder=site.folder,
        url=site.database_url,
        clock=site.clock,
        order=Order(path=path, to=read_recipients(settings.recipients)),
        progress=lambda what, done, total: None,
    )
    gone = drop_older(settings, site.folder)
    passage.note(result={**noted(done), "removed": gone})
    return done


def next_file(site: Site) -> Path | None:
    """Where a backup of this moment goes; None before the log of the site has begun."""
    name = file_prefix(site.folder)
    stamp = site.clock.now().strftime(_STAMP)
    return Path(site.profile.backup.folder) / f"{name}-{stamp}.age" if name else None


def noted(done: Written) -> dict[str, object]:
    """What the record keeps of a backup."""
    return {
        "file": done.file,
        "digest": done.digest,
        "size": done.size,
        "name": done.name,
        "sealed": done.sealed,
    }


def file_prefix(folder: Path) -> str:
    """What the names of this site's backups begin with, empty before its log has begun."""
    origin = site_origin(folder)
    return f"sallyport-{_PLAIN.sub('-', base_origin(origin))}" if origin else ""


def kept_backups(settings: Backup, folder: Path) -> list[tuple[datetime, Path]]:
    """The backups of this site that are in the folder, newest first."""
    if not settings.folder or not (name := file_prefix(folder)):
        return []
    pattern = re.compile(re.escape(name) + r"-(\d{8}T\d{6}Z)\.age")
    found = [
        (datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC), path)
        for path in Path(settings.folder).glob(f"{name}-*.age")
        if (match := pattern.fullmatch(path.name))
    ]
    return sorted(found, reverse=True)


def newest_backup(settings: Backup, folder: Path) -> datetime | None:
    """When the newest of them was made."""
    return next((made for made, _ in kept_backups(settings, folder)), None)


def drop_older(settings: Backup, folder: Path) -> list[str]:
    """Remove what is more than is kept; the names of what went."""
    older = [path for _, path in kept_backups(settings, folder)[settings.keep :]]
    for path in older:
        path.unlink(missing_ok=True)
    return [path.name for path in older]
