"""Whose sign-in a call uses, and what a sign-in there is to policy."""

from app.config.tools import McpServer
from app.core.principal import Principal
from app.secrets.signins.records import CLIENT, SITE


def owner_of(entry: McpServer, principal: Principal) -> str:
    """The name of the row in the vault; empty for somebody who is nobody."""
    oauth = entry.oauth
    by_itself = oauth.services == "client-credentials"
    if oauth.per == "site":
        return CLIENT if by_itself else SITE
    if by_itself and principal.kind in ("service", "agent"):
        return CLIENT
    return principal.id


def action_of(entry: McpServer, *, out: bool) -> str:
    """For oneself it is an action of the server's user; for all it is an administrative one."""
    verb = "server.sign_out" if out else "server.sign_in"
    return f"admin.{verb}" if entry.oauth.per == "site" else verb
