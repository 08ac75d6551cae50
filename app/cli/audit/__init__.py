"""`audit`: the record from the shell of the host; one file a subject.

A command's function is imported here and added to the group below.
"""

import click

from app.cli.audit.erase import erase
from app.cli.audit.hold import hold
from app.cli.audit.look import list_calls, show, trace
from app.cli.audit.query import query

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Read the record. Reading is recorded as well."""


COMMANDS = (
    list_calls,
    show,
    trace,
    query,
    erase,
    hold,
)

for command in COMMANDS:
    audit.add_command(command)
