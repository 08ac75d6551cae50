"""Updates in the site's record: the wish before anything is done, and each step of the local journal afterwards."""

import subprocess
from pathlib import Path
from typing import Any

import click

from app.audit.event import Event
from app.cli.release.where import installed, prefix_option, profile_of
from app.cli.site import Output, json_option, operator_call
from app.core.call import Resource
from app.core.clock import SystemClock
from app.core.errors import DatabaseError, RecordUnavailableError
from app.core.ids import uuid7
from app.release.journal import Journal, Step
from app.release.place import Place, open_place
from app.release.programs import Installed

_SECONDS = 120.0


def has_record(site: Installed) -> bool:
    """Whether there is a site whose record could be written; none is made by this."""
    data = Path(site.data)
    if not data.is_dir():
        return False
    profile, folder = profile_of(site)
    return profile.database.url is not None or (folder / "postgres" / "data").exists()


def govern(site: Installed, action: str, resource: str, arguments: dict[str, Any]) -> None:
    """Let the corridor decide and the record know, before anything is done; DeniedError when policy says no.

    Where the database cannot be reached the local journal has to do: a site that does not start must be mendable.
    """
    if not has_record(site):
        return
    from app.server.process import run_guarded
    from app.server.site import open_site

    loaded, folder = profile_of(site)

    async def ask(_: object) -> None:
        async with open_site(loaded, folder=folder, serving=False) as opened:
            call = operator_call(action, Resource("release", resource), arguments)
            async with opened.admission.admit(call) as passage:
                passage.note(result={"begun": True})

    try:
        run_guarded(loaded, ask, fast=False)
    except (DatabaseError, RecordUnavailableError) as error:
        click.echo(f"Not in the record yet, only in the journal: {error}", err=True)


def tell(place: Place) -> None:
    """Let the release that holds write the journal's new steps into the record; a failure is only said."""
    program = place.root / "current" / "sallyport"
    try:
        done = subprocess.run(
            [program, "update", "record", "--prefix", str(place.root)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
        said = done.stderr.decode("utf-8", "replace").strip()[-300:] if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    if said:
        click.echo(f"Not in the record yet: {said}\nLater: sallyport update record", err=True)


@click.command()
@prefix_option
@json_option
def record(prefix: Path, as_json: bool) -> None:
    """Write those steps of updates into the record that it does not have yet."""
    place = open_place(prefix)
    site = installed(place)
    journal = Journal(place.journal, SystemClock())
    steps = journal.unrecorded()
    if not steps or not has_record(site):
        Output(as_json=as_json).value({"recorded": 0}, "Nothing to record.")
        return
    from app.server.process import run_guarded
    from app.server.site import open_site

    loaded, folder = profile_of(site)

    async def write(_: object) -> None:
        async with open_site(loaded, folder=folder, serving=False) as opened:
            call = operator_call("admin.update.record", Resource("release", "*"), {"steps": len(steps)})
            async with opened.admission.admit(call):
                for step in steps:
                    await opened.recorder.write(_event(step))

    run_guarded(loaded, write, fast=False)
    journal.recorded(len(steps))
    Output(as_json=as_json).value({"recorded": len(steps)}, f"{len(steps)} steps recorded.")


def _event(step: Step) -> Event:
    """A step as a row; when it happened stands in its body."""
    body = {"at": step.time.isoformat(), "number": step.number, "detail": step.detail}
    identifier = str(uuid7())
    now = SystemClock().now().isoformat(timespec="microseconds").replace("+00:00", "Z")
    return Event(
        id=identifier,
        time=now,
        kind="event",
        call=identifier,
        door="cli",
        action=f"release.{step.step}",
        resource_kind="release",
        resource=step.release,
        body={name: value for name, value in body.items() if value},
    )
