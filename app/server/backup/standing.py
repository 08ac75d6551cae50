"""Whether there are backups, as doctor and status see it."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from app.backup.age import read_recipients
from app.config import Profile
from app.core.errors import InputError, ProofError
from app.server.backup.schedule import kept_backups
from app.server.checks import Finding
from app.server.host.standing import writable


def backup_findings(profile: Profile, folder: Path, *, now: datetime) -> Iterator[Finding]:
    """Folder, recipients, and the age of the newest backup."""
    settings = profile.backup
    try:
        recipients = read_recipients(settings.recipients)
    except InputError as error:
        yield Finding(
            check="backup", state="fail", found=f"backup.recipients: {error.message}", remedy=error.remedy
        )
        return
    if not settings.folder:
        yield Finding(
            check="backup",
            state="warn",
            found="none by the clock",
            remedy="Name backup.folder and backup.recipients, or call `sallyport backup` by a timer of the site.",
        )
        return
    place = Path(settings.folder)
    if not recipients or not writable(place):
        yield Finding(
            check="backup",
            state="fail",
            found=f"{place} cannot be written" if recipients else "nobody could open them: no recipients",
            remedy="Mount it, and let this user write there." if recipients else "Name backup.recipients.",
        )
        return
    yield _age(profile, folder, now=now)
    yield _space(profile, folder)


def _age(profile: Profile, folder: Path, *, now: datetime) -> Finding:
    settings = profile.backup
    try:
        found = kept_backups(settings, folder)
    except ProofError as error:
        return Finding(check="backup", state="fail", found=error.message, remedy=error.remedy)
    old = not found or now - found[0][0] > timedelta(hours=settings.warn_after)
    said = (
        f"{len(found)} in {settings.folder}, the newest of {found[0][0].isoformat()}" if found else "none yet"
    )
    return Finding(
        check="backup",
        state="warn" if old else "ok",
        found=said,
        remedy="See the server's log for the job `backup`, or write one: sallyport backup --output FILE."
        if old
        else "",
    )


def _space(profile: Profile, folder: Path) -> Finding:
    place = Path(profile.backup.folder)
    newest = next((path.stat().st_size for _, path in kept_backups(profile.backup, folder)), 0)
    free = shutil.disk_usage(place).free
    short = free < 2 * newest
    return Finding(
        check="backup space",
        state="warn" if short else "ok",
        found=f"{free // 2**20} MiB free, the newest has {newest // 2**20} MiB",
        remedy="Make room, or lower backup.keep." if short else "",
    )
