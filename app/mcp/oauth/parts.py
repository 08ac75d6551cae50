"""What signing in and using a token share."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from app.config.tools import McpServer
from app.core.clock import Clock
from app.core.passage import Passage
from app.mcp.oauth.clients import Clients
from app.mcp.oauth.discovery import Discovery
from app.mcp.oauth.fetch import Fetch
from app.mcp.oauth.tokens import Tokens
from app.secrets import Broker
from app.secrets.signins import Client, Vault

Note = Callable[[Passage, str, str, Mapping[str, Any]], None]
"""Writes an event about a server into the record, below the call of the passage: action, server, facts."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """`site` is how browsers reach us at this moment; `public` the same where an authorization server can, too."""

    vault: Vault
    discovery: Discovery
    clients: Clients
    tokens: Tokens
    clock: Clock
    entries: Callable[[], Mapping[str, McpServer]]
    site: Callable[[], str]
    public: str
    note: Note

    @classmethod
    def of(
        cls,
        fetch: Fetch,
        *,
        vault: Vault,
        broker: Broker,
        clock: Clock,
        entries: Callable[[], Mapping[str, McpServer]],
        site: Callable[[], str],
        public: str,
        note: Note,
    ) -> "Parts":
        """All over one way out."""
        return cls(
            vault=vault,
            discovery=Discovery(fetch),
            clients=Clients(fetch=fetch, vault=vault, broker=broker),
            tokens=Tokens(fetch),
            clock=clock,
            entries=entries,
            site=site,
            public=public,
            note=note,
        )

    def page(self, server: str) -> str:
        """Where a person signs in at this server."""
        site = self.site()
        return f"{site}/console/sign-ins/{server}" if site else ""

    def secret(self, passage: Passage, server: str, client: Client) -> str:
        """The client's secret."""
        return self.clients.secret(passage, server, self.entries()[server], client)
