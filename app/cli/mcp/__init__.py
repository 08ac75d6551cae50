"""`mcp`: tool servers from the shell of the host; one file a subject.

A command's function is imported here and added to the group below.
"""

import click

from app.cli.mcp.connect import connect
from app.cli.mcp.definitions import approve, definitions, diff, pending, reject
from app.cli.mcp.entries import add, remove
from app.cli.mcp.running import logs, reload, restart, status
from app.cli.mcp.sign_in import sign_in, sign_ins, sign_out
from app.cli.mcp.tools import call, check, list_servers, tools

__all__ = ["mcp"]


@click.group()
def mcp() -> None:
    """See and try tool servers."""


for command in (
    list_servers,
    status,
    restart,
    reload,
    logs,
    check,
    tools,
    call,
    pending,
    definitions,
    diff,
    approve,
    reject,
    connect,
    add,
    remove,
    sign_in,
    sign_out,
    sign_ins,
):
    mcp.add_command(command)
