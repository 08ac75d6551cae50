"""Which installation is meant, which site it serves, and how that site's server is asked whether it is ready."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app.cli.site import site_profile
from app.config import Profile
from app.core.clock import SystemClock
from app.core.errors import NotFoundError, ReleaseError
from app.core.paths import resources
from app.egress import Connector, Destination, Destinations, Guard
from app.release import trust
from app.release.health import Probe, readiness
from app.release.journal import Journal
from app.release.place import Place, open_place
from app.release.programs import Installed
from app.release.service import service_of
from app.release.update import Updating

MEDIUM = click.Path(path_type=Path, file_okay=False, exists=True)
_SECONDS = 120.0


def default_prefix() -> Path:
    """The installation that this program belongs to, else where one is made."""
    own = Path(os.environ.get("SALLYPORT_FILE", sys.executable))
    for folder in own.parents:
        if folder.parent.name == "releases" and (folder / "release.json").is_file():
            return folder.parent.parent
    if os.geteuid() == 0:
        return Path("/opt/sallyport")
    return Path(os.environ.get("HOME", "/nonexistent")) / ".local" / "opt" / "sallyport"


def prefix_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --prefix."""
    return click.option(
        "--prefix",
        type=click.Path(path_type=Path, file_okay=False),
        default=default_prefix,
        help="The installation; default: the one this program belongs to, else /opt/sallyport or one in your home.",
    )(function)


def trust_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --keyset and --development."""
    function = click.option(
        "--development", is_flag=True, help="Accept a keyset for development, on machines for tests."
    )(function)
    return click.option(
        "--keyset",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="The keyset to believe, where neither this file nor this installation has one yet.",
    )(function)


def root_keyset(pinned: Path, given: Path | None) -> bytes:
    """The keyset that is believed here."""
    return trust.trusted(pinned, given=given, built=trust.built_in())


def own_schemas() -> int:
    """The number of the newest schema that this file knows."""
    return len(list((resources() / "migrations").glob("[0-9]*.sql")))


def installed(place: Place) -> Installed:
    """The site of an installation."""
    found = place.load(place.state / "install.json", Installed)
    if found is None:
        raise NotFoundError(
            f"Nothing is installed in {place.root}.", remedy="See `sallyport install --help`."
        )
    return found


def profile_of(site: Installed) -> tuple[Profile, Path]:
    """Profile and data folder of the installation's site."""
    return site_profile(Path(site.data), Path(site.profile) if site.profile else None)


def updating(prefix: Path, *, seconds: float = _SECONDS) -> Updating:
    """What an update of this installation works with."""
    os.umask(0o022)
    place = open_place(prefix)
    if not os.access(place.state, os.W_OK):
        raise ReleaseError(
            f"{prefix} belongs to somebody else.", remedy="Run this as its owner, such as root."
        )
    site = installed(place)
    return Updating(
        place=place,
        site=site,
        journal=Journal(place.journal, SystemClock()),
        clock=SystemClock(),
        service=service_of(site.unit, site.scope),
        probe=probe_of(site),
        seconds=seconds,
    )


def probe_of(site: Installed) -> Probe:
    """Asks the listener that the profile names, as the profile is at that moment."""
    from app.server.listen.listener import split_address

    def probe() -> str:
        profile, _ = profile_of(site)
        host, port = split_address(profile.listen.address)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound, compared
        destinations = Destinations([Destination(name="own listener", host=host, port=port)])
        connector = Connector(destinations=destinations, guard=Guard(destinations))
        return readiness(connector, host, port, encrypted=profile.listen.plain_http == "never")()

    return probe
