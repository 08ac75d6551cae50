"""`update verify|apply|rollback|settle|status|record`: releases and data from a folder or mounted medium."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.cli.release.bundle import apply_bundle
from app.cli.release.recording import govern, record, tell
from app.cli.release.where import (
    MEDIUM,
    default_prefix,
    installed,
    prefix_option,
    root_keyset,
    trust_options,
    updating,
)
from app.cli.site import Output, json_option
from app.core.clock import SystemClock
from app.core.errors import ConflictError, ReleaseError
from app.release import bundles, staging
from app.release import update as updates
from app.release.journal import Journal
from app.release.manifest import RELEASE
from app.release.medium import open_medium
from app.release.place import Pending, Place, open_place
from app.release.trust import believe
from app.release.update import Done, Updating

_SETTLE_PATIENCE = 900.0
_seconds = click.option(
    "--seconds", default=120.0, show_default=True, help="How long the new release may take to be ready."
)


@click.group()
def update() -> None:
    """Replace this file by a newer one, or take in data, from a signed medium; verified before it is touched."""


@update.command()
@click.argument("medium", type=MEDIUM)
@prefix_option
@trust_options
@json_option
def verify(medium: Path, prefix: Path, keyset: Path | None, development: bool, as_json: bool) -> None:
    """Verify a MEDIUM: signatures, numbers, and every byte of every file. Changes nothing."""
    with open_medium(medium) as opened:
        believed = believe(
            opened, root_keyset(prefix / "state" / "keyset.json", keyset), development=development
        )
        manifest = believed.verified.manifest
        for item in manifest.files:
            opened.check(item)
    if manifest.kind == RELEASE and (prefix / "state" / "install.json").is_file():
        staging.check_follows(open_place(prefix), manifest, believed.verified.sha256)
    facts = {
        "kind": manifest.kind,
        "version": manifest.version,
        "number": manifest.number,
        "files": len(manifest.files),
        "signed": believed.verified.signed,
        "keyset": believed.keyset.fingerprint,
        "manifest": believed.verified.sha256,
    }
    lines = [
        f"{name:9} {', '.join(value) if isinstance(value, tuple) else value}" for name, value in facts.items()
    ]
    Output(as_json=as_json).value(facts, "\n".join(["Everything is as it was signed.", *lines]))


@update.command()
@click.argument("medium", type=MEDIUM)
@prefix_option
@_seconds
@trust_options
@json_option
def apply(
    *, medium: Path, prefix: Path, seconds: float, keyset: Path | None, development: bool, as_json: bool
) -> int:
    """Install the release, or take in the data, of a MEDIUM.

    The running release goes on until the new one is verified, unpacked and has checked itself. When the new one is
    not ready in time, the old one serves again, with the database as it was.
    """
    work = updating(prefix, seconds=seconds)
    with work.place.alone(), open_medium(medium) as opened:
        _require_settled(work.place)
        with _refusals_noted(work):
            believed = believe(opened, root_keyset(work.place.keyset, keyset), development=development)
            verified = believed.verified
            manifest = verified.manifest
            if manifest.kind == RELEASE:
                staging.check_follows(work.place, manifest, verified.sha256)
        if manifest.kind != RELEASE:
            apply_bundle(work.site, opened, believed, Output(as_json=as_json))
            updates.note_bundle(work, believed)
            done = None
        else:
            arguments = {"number": manifest.number, "manifest": verified.sha256, "signed": verified.signed}
            govern(work.site, "admin.update.apply", manifest.version, arguments)
            done = updates.apply(work, opened, believed)
    tell(work.place)
    return _said(work.place, done, Output(as_json=as_json)) if done is not None else 0


@update.command()
@prefix_option
@_seconds
@json_option
def rollback(prefix: Path, seconds: float, as_json: bool) -> int:
    """Go back to the release before, if the database has not changed since."""
    work = updating(prefix, seconds=seconds)
    with work.place.alone():
        _require_settled(work.place)
        before = work.place.release(work.place.linked("previous"))
        govern(work.site, "admin.update.rollback", before.version, {"number": before.number})
        done = updates.rollback(work)
    tell(work.place)
    return _said(work.place, done, Output(as_json=as_json))


@update.command()
@prefix_option
@_seconds
@json_option
def settle(prefix: Path, seconds: float, as_json: bool) -> int:
    """Judge an update that is not settled: after a power cut, or when the server was restarted by hand."""
    work = updating(prefix, seconds=seconds)
    with work.place.alone(wait=_SETTLE_PATIENCE):
        done = updates.settle(work)
    tell(work.place)
    return _said(work.place, done, Output(as_json=as_json))


@update.command()
@click.option("--prefix", type=click.Path(path_type=Path), default=default_prefix, help="The installation.")
@json_option
def status(prefix: Path, as_json: bool) -> None:
    """Show which release holds, which one was before, what is pending, and the last steps."""
    place = open_place(prefix)
    site = installed(place)
    pending = place.load(place.pending, Pending)
    releases = {name: place.linked(name) for name in ("current", "previous")}
    steps = Journal(place.journal, SystemClock()).steps()
    facts = {
        **releases,
        "highest": place.seen().highest,
        "pending": pending.new if pending else "",
        "data": site.data,
        "unit": site.unit,
        "bundles": bundles.held(Path(site.data)),
        "journal": steps[-20:],
    }
    lines = [
        f"{name:9} {facts[name] or '-'}"
        for name in ("current", "previous", "highest", "pending", "data", "unit")
    ]
    lines += [f"{kind:9} {number}" for kind, number in bundles.held(Path(site.data)).items()]
    lines += [
        f"{step.time:%Y-%m-%d %H:%M:%S}  {step.step} {step.release} {step.detail}".rstrip()
        for step in steps[-20:]
    ]
    Output(as_json=as_json).value(facts, "\n".join(lines))


@contextmanager
def _refusals_noted(work: Updating) -> Iterator[None]:
    """A medium that is not believed is worth remembering."""
    try:
        yield
    except ReleaseError as error:
        work.journal.write("update.refused", detail=error.message)
        raise


def _require_settled(place: Place) -> None:
    if place.pending.exists():
        raise ConflictError("An update is not settled yet.", remedy="Run `sallyport update settle` first.")


def _said(place: Place, done: Done, output: Output) -> int:
    facts = {"release": done.release, "state": done.state, "reason": done.reason}
    if done.state == "settled":
        output.value(
            facts, f"{done.release} serves." if not done.reason else f"{done.release}: {done.reason}."
        )
        return 0
    if done.state == "waiting":
        program = place.root / "current" / "sallyport"
        text = (
            f"{done.release} is in place. Restart the server ({program} serve), then: sallyport update settle"
        )
        output.value(facts, f"{text}\n  {done.reason}" if done.reason else text)
        return 0
    raise ReleaseError(
        f"The update was undone; {done.release} holds again: {done.reason}.",
        remedy="`sallyport update status` shows each step; the same medium may be tried again.",
    )


update.add_command(record)
