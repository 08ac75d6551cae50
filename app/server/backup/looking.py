"""Backups of a serving site as its doors see them."""

from datetime import timedelta

from app.backup.kept import BackupStanding, KeptBackup, WrittenBackup
from app.core.errors import ConflictError, ProofError
from app.core.passage import Passage
from app.server.backup.schedule import kept_backups, next_file, write_kept
from app.server.backup.standing import backup_findings
from app.server.site import Site


class SiteBackups:
    """What lies in the folder of the profile, and one more of it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def standing(self) -> BackupStanding:
        """As the folder is now; a folder that is away is a problem and no error."""
        site, settings, now = self._site, self._site.profile.backup, self._site.clock.now()
        try:
            found = [
                KeptBackup(file=path.name, made=made, bytes=path.stat().st_size)
                for made, path in kept_backups(settings, site.folder)
            ]
        except (OSError, ProofError):
            found = []
        wrong = [one for one in backup_findings(site.profile, site.folder, now=now) if one.state != "ok"]
        due = found[0].made + timedelta(hours=settings.hours) if found else now
        late = not found or now - found[0].made > timedelta(hours=settings.warn_after)
        return BackupStanding(
            folder=settings.folder,
            hours=settings.hours,
            keep=settings.keep,
            recipients=len(settings.recipients),
            backups=tuple(found),
            due=due if settings.folder else None,
            late=bool(settings.folder) and late,
            problem=" ".join(f"{one.found}. {one.remedy}" for one in wrong[:1]),
        )

    async def write(self, passage: Passage) -> WrittenBackup:
        """Write one now, beside those by the clock; ConflictError where the profile names no folder."""
        path = next_file(self._site)
        if not self._site.profile.backup.folder or path is None:
            raise ConflictError(
                "The profile names no folder for backups, or the record has not begun.",
                remedy="Name backup.folder and backup.recipients.",
            )
        done = await write_kept(self._site, path, passage)
        return WrittenBackup(file=path.name, digest=done.digest, bytes=done.size, rows=done.rows)
