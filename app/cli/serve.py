"""`serve`: serve a site."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.options import json_option, site_options, site_profile

if TYPE_CHECKING:  # imported while PostgreSQL starts
    from app.server.host.running import Running


@click.command()
@site_options
@click.option("--address", help="HOST:PORT to listen on.")
@click.option(
    "--plain-http", is_flag=True, help="HTTP instead of HTTPS; on loopback only, or as the profile says."
)
@json_option
def serve(
    data: Path | None, profile: Path | None, address: str | None, plain_http: bool, as_json: bool
) -> None:
    """Serve a site.

    Without a profile this sets up the data folder: keys, a certificate from a local authority, the embedded
    PostgreSQL, a starter policy, and a one-time link for the first administrator. Starting again changes nothing.
    """
    from app.core.frozen import settle
    from app.egress import enforce
    from app.server.folder import prepare, write_first_profile
    from app.server.logs import configure_logs
    from app.server.process import all_places, leave_no_core, run_guarded
    from app.server.serve import serve_until_stopped

    flags = {"listen.address": address, "listen.plain_http": "loopback" if plain_http else None}
    loaded, folder = site_profile(data, profile, **flags)
    configure_logs(loaded.log)
    leave_no_core()
    # Before anything makes a thread: what the kernel holds, it holds by thread.
    held = enforce(loaded, all_places(loaded))
    if profile is None:
        write_first_profile(prepare(folder), loaded.listen.address)

    def announce(server: "Running") -> None:
        settle()
        if as_json:
            click.echo(
                f'{{"url":"{server.url}","setup_link":"{server.setup_link}","data":"{server.site.folder}"}}'
            )
            return
        click.echo(f"Sallyport serves {server.url}  (console: {server.url}/console)")
        if server.setup_link:
            click.echo(f"No administrator yet. Make the first one here, once:\n  {server.setup_link}")
        if server.url.startswith("https") and not loaded.listen.tls.certificate:
            click.echo(f"Clients trust it by this authority: {server.site.folder / 'tls' / 'ca.pem'}")

    run_guarded(
        loaded,
        lambda connector: serve_until_stopped(
            loaded,
            folder=folder,
            connector=connector,
            announce=announce,
            again=lambda: site_profile(data, profile, **flags)[0],
            held=held,
        ),
        fast=True,
    )
