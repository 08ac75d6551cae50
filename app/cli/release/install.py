"""`install` and `uninstall`: the file in a folder of its own, started by systemd where there is one."""

import os
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from app import __version__
from app.cli.release.where import MEDIUM, default_prefix, installed, own_schemas, root_keyset, trust_options
from app.cli.site import Output, json_option
from app.core.clock import SystemClock
from app.core.errors import ConfigError, InputError
from app.release.installing.install import Source, Step, from_medium, own_file, stage, steps
from app.release.installing.remove import removal
from app.release.journal import Journal
from app.release.medium import open_medium
from app.release.place import Place, check_prefix, open_place
from app.release.programs import Installed
from app.release.trust import believe, pin

UNIT = "sallyport.service"
_PATH = click.Path(path_type=Path)


@click.command()
@click.option(
    "--prefix", type=_PATH, default=default_prefix, help="Where to install; below it only its owner writes."
)
@click.option("--medium", type=MEDIUM, help="Install the release of this medium instead of this very file.")
@click.option("--data", type=_PATH, help="The site's data folder.")
@click.option("--profile", type=_PATH, help="The site's profile; default: profile.yaml in the data folder.")
@click.option(
    "--user", default="sallyport", show_default=True, help="The system user that serves; made if missing."
)
@click.option("--no-service", is_flag=True, help="No systemd units: something else starts the server.")
@click.option("--units", type=_PATH, help="Where systemd reads units, if that is not the usual folder.")
@click.option("--plan", is_flag=True, help="Say what would be done, and do nothing.")
@trust_options
@json_option
def install(
    *,
    prefix: Path,
    medium: Path | None,
    plan: bool,
    keyset: Path | None,
    development: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Install this file: a versioned folder, no unpacking at each start, a hardened systemd unit.

    Doing it again changes nothing. As root for the host, otherwise into your home with a unit of your own.
    """
    os.umask(0o022)
    site, units = _site(**where)
    check_prefix(prefix)
    journal = Journal(prefix / "state" / "journal", SystemClock())
    link = None if os.geteuid() == 0 else Path(os.environ.get("HOME", "/")) / ".local" / "bin" / "sallyport"
    place = Place(prefix)
    alone = nullcontext() if plan or not place.state.is_dir() else place.alone()
    if medium is None:
        with alone:
            done = _carry_out(steps(prefix, _own(), site, journal, units=units, link=link), plan, as_json)
    else:
        with alone, open_medium(medium) as opened:
            believed = believe(opened, root_keyset(place.keyset, keyset), development=development)
            source = from_medium(lambda place: stage(place, opened, believed), believed)
            done = _carry_out(steps(prefix, source, site, journal, units=units, link=link), plan, as_json)
            if not plan:
                pin(place.keyset, believed.keyset_data)
    if as_json:
        Output(as_json=True).value({"prefix": str(prefix), "planned": plan, "steps": done})
    elif not plan:
        _next_steps(place, site)


def _site(
    *, data: Path | None, profile: Path | None, user: str, no_service: bool, units: Path | None
) -> tuple[Installed, Path | None]:
    """What is to be served, and where its units go; none without systemd."""
    root = os.geteuid() == 0
    home = Path(os.environ.get("HOME", "/nonexistent"))
    folder = data or (Path("/var/lib/sallyport") if root else home / ".local" / "share" / "sallyport")
    for given in (folder, profile):
        if given is not None and not given.is_absolute():
            raise InputError(f"{given} is not an absolute path.", remedy="Services need paths in full.")
    if profile is not None and not profile.is_file():
        raise InputError(f"{profile} is not a file.", remedy="Write the profile first.")
    running = Path("/run/systemd/system").is_dir()
    if units is None and running and not no_service:
        units = Path("/etc/systemd/system") if root else home / ".config" / "systemd" / "user"
    scope = "" if no_service or units is None else ("system" if root else "user")
    site = Installed(
        data=str(folder),
        profile=str(profile or ""),
        user=user if scope == "system" else "",
        unit=UNIT if scope else "",
        scope=scope,
    )
    return site, units if scope else None


def _own() -> Source:
    file = os.environ.get("SALLYPORT_FILE")
    if not file:
        raise ConfigError(
            "This is a checkout, or a one-file build without our launcher: there is no file to install.",
            remedy="Run `install` of the file that scripts/bundle makes, or name a --medium.",
        )
    return own_file(Path(file), version=__version__, schemas=own_schemas())


def _carry_out(planned: Iterable[Step], plan: bool, as_json: bool) -> list[str]:
    """Do it, or not, and say each step as it is done; the steps."""
    done: list[str] = []
    for said, do in planned:
        done.append(said)
        if not as_json:
            click.echo(f"{'would ' if plan else ''}{said}")
        if not plan:
            do()
    if not done and not as_json:
        click.echo("Everything is in place already.")
    return done


def _next_steps(place: Place, site: Installed) -> None:
    folder = place.releases / place.linked("current")
    click.echo(f"Installed: {place.root}/bin/sallyport")
    click.echo(
        f"fapolicyd: cp {folder}/trust.fapolicyd /etc/fapolicyd/trust.d/sallyport && fapolicyd-cli --update"
    )
    if site.unit:
        scope = " --user" if site.scope == "user" else ""
        click.echo(f"Start it:  systemctl{scope} start {site.unit}")
    else:
        options = " ".join(site.options())
        click.echo(f"Start it:  {place.root}/current/sallyport serve {options}")


@click.command()
@click.option("--prefix", type=_PATH, default=default_prefix, help="The installation to remove.")
@click.option("--units", type=_PATH, help="Where systemd reads units, if that is not the usual folder.")
@click.option("--plan", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--purge", is_flag=True, help="Also remove the site's data, record and keys.")
@click.option("--confirm", default="", help="With --purge: the data folder's path once more.")
@json_option
def uninstall(
    *, prefix: Path, units: Path | None, plan: bool, purge: bool, confirm: str, as_json: bool
) -> None:
    """Take an installation away; the site's data stays unless --purge is confirmed."""
    place = open_place(prefix)
    site = installed(place)
    if purge and not plan and confirm != site.data:
        raise InputError(
            f"--purge removes the record and every key of the site in {site.data}.",
            remedy=f"If that is meant, add: --confirm {site.data}",
        )
    root = os.geteuid() == 0
    home = Path(os.environ.get("HOME", "/nonexistent"))
    usual = Path("/etc/systemd/system") if root else home / ".config" / "systemd" / "user"
    links = [home / ".local" / "bin" / "sallyport"]
    done = _carry_out(removal(place, site, units=units or usual, links=links, purge=purge), plan, as_json)
    if as_json:
        kept = "" if purge else site.data
        Output(as_json=True).value({"prefix": str(prefix), "planned": plan, "steps": done, "kept": kept})
    elif not purge:
        click.echo(f"The site's data is kept: {site.data}")


__all__ = ["install", "uninstall"]
