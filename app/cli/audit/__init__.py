"""`audit`: the record from the shell of the host; one file a subject.

A command's function is imported here and added to the group below.
"""

import click

from app.cli.audit.ceremonies import new_key, restored, rotate_key
from app.cli.audit.erase import erase
from app.cli.audit.export import export, prove, verifier
from app.cli.audit.hold import hold
from app.cli.audit.look import list_calls, show, trace
from app.cli.audit.query import query
from app.cli.audit.retention import retention
from app.cli.audit.seal import checkpoint, keys, status
from app.cli.audit.verify import check_proof, verify

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Read, seal, export and verify the record. Reading is recorded as well."""


COMMANDS = (
    list_calls,
    show,
    trace,
    query,
    export,
    verify,
    prove,
    check_proof,
    verifier,
    status,
    checkpoint,
    keys,
    new_key,
    rotate_key,
    restored,
    erase,
    hold,
    retention,
)

for command in COMMANDS:
    audit.add_command(command)
