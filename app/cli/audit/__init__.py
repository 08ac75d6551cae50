"""`audit`: the record from the shell of the host; one file a subject.

A command is named in the table, and imported when somebody names it.
"""

import click

from app.cli.root import Late

COMMANDS = {
    "check-proof": "app.cli.audit.verify:check_proof",
    "checkpoint": "app.cli.audit.seal:checkpoint",
    "erase": "app.cli.audit.erase:erase",
    "export": "app.cli.audit.export:export",
    "hold": "app.cli.audit.hold:hold",
    "keys": "app.cli.audit.seal:keys",
    "list": "app.cli.audit.look:list_calls",
    "new-key": "app.cli.audit.ceremonies:new_key",
    "prove": "app.cli.audit.export:prove",
    "query": "app.cli.audit.query:query",
    "restored": "app.cli.audit.ceremonies:restored",
    "retention": "app.cli.audit.retention:retention",
    "rotate-key": "app.cli.audit.ceremonies:rotate_key",
    "show": "app.cli.audit.look:show",
    "status": "app.cli.audit.seal:status",
    "trace": "app.cli.audit.look:trace",
    "verifier": "app.cli.audit.export:verifier",
    "verify": "app.cli.audit.verify:verify",
}


@click.group(cls=Late, where=COMMANDS)
def audit() -> None:
    """Read, seal, export and verify the record. Reading is recorded as well."""
