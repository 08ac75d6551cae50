"""`mcp`: tool servers from the shell of the host; one file a subject.

A command is named in the table, and imported when somebody names it.
"""

import click

from app.cli.root import Late

COMMANDS = {
    "add": "app.cli.mcp.entries:add",
    "approve": "app.cli.mcp.definitions:approve",
    "call": "app.cli.mcp.tools:call",
    "check": "app.cli.mcp.tools:check",
    "connect": "app.cli.mcp.connect:connect",
    "definitions": "app.cli.mcp.definitions:definitions",
    "diff": "app.cli.mcp.definitions:diff",
    "list": "app.cli.mcp.tools:list_servers",
    "logs": "app.cli.mcp.running:logs",
    "pending": "app.cli.mcp.definitions:pending",
    "reject": "app.cli.mcp.definitions:reject",
    "reload": "app.cli.mcp.running:reload",
    "remove": "app.cli.mcp.entries:remove",
    "restart": "app.cli.mcp.running:restart",
    "sign-in": "app.cli.mcp.sign_in:sign_in",
    "sign-ins": "app.cli.mcp.sign_in:sign_ins",
    "sign-out": "app.cli.mcp.sign_in:sign_out",
    "status": "app.cli.mcp.running:status",
    "tools": "app.cli.mcp.tools:tools",
}


@click.group(cls=Late, where=COMMANDS)
def mcp() -> None:
    """See and try tool servers."""
