"""`database`: what a DBA decides about the site's PostgreSQL."""

import click

from app.cli.database.roles import roles

__all__ = ["database"]


@click.group()
def database() -> None:
    """Keep apart who owns, writes, seals and reads the record."""


database.add_command(roles)
