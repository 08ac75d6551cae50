"""`audit`: the record from the shell of the host; one file a subject.

A command's function is imported here and added to the group below.
"""

import click

from app.cli.audit.ceremonies import new_key, restored, rotate_key
from app.cli.audit.erase import erase
from app.cli.audit.hold import hold
from app.cli.audit.look import list_calls, show, trace
from app.cli.audit.query import query
from app.cli.audit.seal import checkpoint, keys, status

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Read the record and look after its seal. Reading is recorded as well."""


COMMANDS = (
    list_calls,
    show,
    trace,
    query,
    status,
    checkpoint,
    keys,
    new_key,
    rotate_key,
    restored,
    erase,
    hold,
)

for command in COMMANDS:
    audit.add_command(command)
