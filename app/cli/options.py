"""What commands of a site take: its data folder, its profile, and JSON for scripts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app.config import Profile, load
from app.server.folder import PROFILE, default_folder


def site_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data and --profile."""
    function = click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        help="The site's data folder.",
        envvar="SALLYPORT_DATA",
    )(function)
    return click.option(
        "--profile",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The site's profile; default: profile.yaml in the data folder.",
        envvar="SALLYPORT_PROFILE",
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")(function)


def site_profile(data: Path | None, profile: Path | None, **flags: Any) -> tuple[Profile, Path]:
    """The profile and the data folder that the options mean; ConfigError if either is unusable."""
    if profile is None and data is not None and (data / PROFILE).exists():
        profile = data / PROFILE
    if profile is None and data is None and (default_folder() / PROFILE).exists():
        profile = default_folder() / PROFILE
    loaded = load(profile, flags={key: value for key, value in flags.items() if value is not None})
    folder = data or (Path(loaded.data) if loaded.data else default_folder())
    return loaded, folder
