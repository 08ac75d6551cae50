"""`migrate`: bring the database's schema up to date without serving."""

import click

from app.cli.site import Output, Site, site_command


@click.command()
@site_command
async def migrate(site: Site, output: Output) -> None:
    """Bring the database's schema up to date; `serve` does the same at start."""
    names = [f"{migration.number:04} {migration.name}" for migration in site.migrated]
    output.value({"applied": names}, "Applied: " + ", ".join(names) if names else "The schema is up to date.")
