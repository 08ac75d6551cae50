"""An update: what is staged is switched to in one step, judged by health, and undone by itself when that fails.

At every step either `current` leads to the old release, which is whole, or to the new one, which has passed its
selftest. pending.json says that an update is not judged yet, so that `settle` can go on after a power cut.
"""

import contextlib
from datetime import timedelta
from pathlib import Path

import msgspec

from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConflictError, ReleaseError, SallyportError
from app.release.health import Probe, wait_healthy
from app.release.journal import Journal
from app.release.manifest import Schema
from app.release.medium import Medium, digest_of, sync_folders
from app.release.place import Pending, Place
from app.release.programs import Installed, back_up, backup_file, put_back, unpack_and_check
from app.release.service import Service, serving_program
from app.release.staging import check_follows, place_release, stage
from app.release.trust import Believed, pin

_FRESH = timedelta(hours=1)
"""How long after the switch a backup may replace the database: later it could take rows with it."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How an update stands: `waiting` for somebody to restart the server, `settled`, or `undone` with the reason."""

    state: str
    release: str
    reason: str = ""


class Updating(msgspec.Struct, frozen=True, kw_only=True):
    """What an update works with."""

    place: Place
    site: Installed
    journal: Journal
    clock: Clock
    service: Service
    probe: Probe
    seconds: float


def apply(work: Updating, medium: Medium, believed: Believed) -> Done:
    """Install a release and let it serve; the caller holds the place alone, and nothing is pending."""
    place, manifest = work.place, believed.verified.manifest
    check_follows(place, manifest, believed.verified.sha256)
    old = place.linked("current")
    place.prune({old, place.linked("previous")})
    said = {"release": manifest.version, "number": manifest.number}
    work.journal.write("update.verified", detail=", ".join(believed.verified.signed), **said)
    new = place_release(place, stage(place, medium, believed), believed)
    work.journal.write("update.staged", **said)
    changes = (manifest.schema or Schema(first=1, last=1)).last > place.release(old).schema.last
    backup = backup_file(place, manifest.number) if changes else None
    if backup is not None:
        _backed_up(work, old, backup)
    pending = Pending(
        old=old, new=new, number=manifest.number, since=work.clock.now(), backup=str(backup or "")
    )
    try:
        place.see(manifest.number, believed.verified.sha256)
        pin(place.keyset, believed.keyset_data)
        place.save(place.pending, pending)
        if __debug__:
            crash.at("update.after_pending")
        _switch(work, pending.old, pending.new)
    except (SallyportError, OSError):
        if backup is not None:
            _start(work)
        raise
    if __debug__:
        crash.at("update.after_switch")
    return _started(work, new)


def _started(work: Updating, new: str) -> Done:
    """Start the release that `current` leads to and judge it, or say that somebody has to start it."""
    if work.service.told:
        return Done(state="waiting", release=new)
    failed = _start(work)
    if __debug__:
        crash.at("update.after_start")
    return settle(work, failed=failed)


def _start(work: Updating) -> str:
    """Start the server; why it cannot be started, or nothing."""
    try:
        work.service.start()
    except ReleaseError as error:
        return error.message
    return ""


def _backed_up(work: Updating, old: str, backup: Path) -> None:
    """Stop the server, so that no row comes after the backup, and make it; start again when that fails."""
    if work.service.told and serving_program(Path(work.site.data)) is not None:
        raise ConflictError(
            "This release changes the database, and the server runs.",
            remedy="Stop the server, then apply the update again: a backup is made before the change.",
        )
    work.service.stop()
    if __debug__:
        crash.at("update.after_stop")
    try:
        back_up(work.place, old, work.site, backup)
        work.journal.write("update.backup", detail=str(backup))
    except (SallyportError, OSError):
        _start(work)
        raise
    if __debug__:
        crash.at("update.after_backup")


def _switch(work: Updating, old: str, new: str) -> None:
    work.place.link("previous", old)
    work.place.link("current", new)
    release = work.place.release(new)
    work.journal.write("update.switched", release=release.version, number=release.number)


def settle(work: Updating, *, failed: str = "") -> Done:
    """Judge the update that is pending: good when the new release is ready in time, else undone.

    `failed` says why it cannot even be started.
    """
    place = work.place
    pending = place.load(place.pending, Pending)
    if pending is None:
        return Done(state="settled", release=place.linked("current"), reason="no update was pending")
    if place.linked("current") != pending.new:
        # Cut off before the switch, or while it was undone: the old release is the one that holds.
        return _undo(work, pending, "the update was interrupted")
    reason = failed or _judge(work, pending.new)
    if not reason:
        return _good(work, pending)
    serving = serving_program(Path(work.site.data))
    theirs = serving is not None and serving.is_relative_to(place.releases / pending.new)
    if work.service.told and not theirs:
        return Done(state="waiting", release=pending.new, reason=reason)
    return _undo(work, pending, reason)


def _judge(work: Updating, folder: str) -> str:
    return wait_healthy(
        work.probe,
        program=lambda: serving_program(Path(work.site.data)),
        release=work.place.releases / folder,
        by_hand=work.service.told,
        seconds=work.seconds,
    )


def _good(work: Updating, pending: Pending) -> Done:
    if __debug__:
        crash.at("update.before_settle")
    release = work.place.release(pending.new)
    work.journal.write("update.settled", release=release.version, number=release.number)
    _forget(work)
    work.place.prune({pending.new, pending.old})
    return Done(state="settled", release=pending.new)


def _undo(work: Updating, pending: Pending, reason: str) -> Done:
    """Let the old release serve again, with the database as it was."""
    place = work.place
    switched = place.linked("current") == pending.new
    work.journal.write("update.failed", release=pending.new, number=pending.number, detail=reason)
    if switched and pending.backup:
        _put_back(work, pending, reason)
    if switched:
        place.link("current", pending.old)
        if __debug__:
            crash.at("update.after_undo")
    failed = _start(work)
    release = place.release(pending.old)
    work.journal.write("update.undone", release=release.version, number=release.number, detail=reason)
    _forget(work)
    after = "" if work.service.told else failed or _judge(work, pending.old)
    return Done(state="undone", release=pending.old, reason=f"{reason}; {after}" if after else reason)


def _put_back(work: Updating, pending: Pending, reason: str) -> None:
    """Replace the changed database by the backup; ReleaseError leaves the new release in charge and the update pending."""
    if work.clock.now() - pending.since > _FRESH:
        raise ReleaseError(
            f"The new release is not ready ({reason}), but its database may hold rows that no backup has.",
            remedy=f"Mend it, or restore {pending.backup} by hand with {work.place.program(pending.old)}.",
        )
    work.service.stop()
    if serving_program(Path(work.site.data)) is not None:
        raise ConflictError(
            f"The new release is not ready: {reason}.", remedy="Stop the server, then settle again."
        )
    why = f"update {pending.number} was undone: {reason}"
    try:
        put_back(work.place, pending.old, work.site, Path(pending.backup), reason=why)
        work.journal.write("update.restored", detail=pending.backup)
    except (SallyportError, OSError):
        # Still pending: the new release may come up after all, and `settle` tries again.
        _start(work)
        raise


def _forget(work: Updating) -> None:
    work.place.pending.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        sync_folders(work.place.state)


def rollback(work: Updating) -> Done:
    """Go back to the release before, by hand, if the database has not changed since."""
    place = work.place
    old, new = place.linked("current"), place.linked("previous")
    if not new or new == old:
        raise ConflictError("There is no release before this one.", remedy="See `sallyport update status`.")
    here, there = place.release(old), place.release(new)
    if there.schema.last < here.schema.last:
        raise ConflictError(
            f"Release {here.number} changed the database, which {there.version} cannot open any more.",
            remedy=f"Restore the backup that was made before, with {place.program(new)}.",
        )
    if digest_of(place.program(new))[1] != there.sha256:
        raise ReleaseError(
            f"{place.program(new)} is not as it was installed.", remedy="Apply a medium instead."
        )
    unpack_and_check(place, new)
    work.journal.write("rollback.begun", release=there.version, number=there.number)
    pending = Pending(old=old, new=new, number=there.number, since=work.clock.now())
    place.save(place.pending, pending)
    _switch(work, old, new)
    return _started(work, new)


def note_bundle(work: Updating, believed: Believed) -> None:
    """Journal that a bundle of data was taken in, and believe its keyset from now on."""
    manifest = believed.verified.manifest
    pin(work.place.keyset, believed.keyset_data)
    detail = f"{manifest.kind}, signed by {', '.join(believed.verified.signed)}"
    work.journal.write("bundle.applied", release=manifest.version, number=manifest.number, detail=detail)
