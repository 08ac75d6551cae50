"""`secret`: values that servers and providers need, from the shell of the host; no command ever prints one.

A command's function is imported here and added to the group below.
"""

import click

from app.cli.secret.giving import grant, revoke
from app.cli.secret.keys import accept, check, new_key, rekey
from app.cli.secret.looking import history, list_secrets, show
from app.cli.secret.values import delete, rotate, set_secret

__all__ = ["secret"]


@click.group()
def secret() -> None:
    """Manage secrets: values go in, and come out only where they are declared and granted."""


for command in (set_secret, rotate, list_secrets, show, history, grant, revoke, delete, check, rekey):
    secret.add_command(command)
for command in (accept, new_key):
    secret.add_command(command)
