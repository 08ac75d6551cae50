"""Who we are to an authorization server: registered beforehand, a document at our URL, or registered by ourselves.

RFC 7591, and OAuth Client ID Metadata Documents; in the order that MCP gives.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.config.tools import McpServer
from app.core.errors import SecretError
from app.core.passage import Passage
from app.egress.destinations import checked
from app.mcp.oauth.fetch import Fetch
from app.mcp.oauth.metadata import Authority
from app.mcp.oauth.wanted import SignInError
from app.secrets import Broker
from app.secrets.signins import Client, Vault

_METHODS = ("client_secret_basic", "client_secret_post")
_CREATED = (200, 201)
_LONGEST = 2048


class _Registered(msgspec.Struct, frozen=True, kw_only=True):
    client_id: str
    client_secret: str = ""
    client_secret_expires_at: int = 0
    token_endpoint_auth_method: str = ""


class Clients:
    """Chooses, registers and remembers."""

    def __init__(self, *, fetch: Fetch, vault: Vault, broker: Broker) -> None:
        self._fetch = fetch
        self._vault = vault
        self._broker = broker

    async def choose(
        self, passage: Passage, name: str, entry: McpServer, authority: Authority, *, redirect: str, own: str
    ) -> Client:
        """`own` is the address of our document, empty where nobody outside can read it."""
        if entry.oauth.client_id:
            return preregistered(entry, authority)
        if own and authority.client_id_metadata_document_supported:
            return Client(id=own, source="document")
        known = await self._vault.client(name, authority.issuer, redirect)
        if known is not None:
            return known
        if not authority.registration_endpoint:
            raise SignInError(
                f"The authorization server {authority.issuer} lets nobody register by themselves.",
                remedy=f"Have this site registered there with the redirect {redirect}, "
                f"and name it as mcp.servers.{name}.oauth.client_id.",
            )
        client = await self._register(passage, authority, redirect)
        await self._vault.keep_client(passage, name, authority.issuer, redirect, client)
        return client

    async def _register(self, passage: Passage, authority: Authority, redirect: str) -> Client:
        wanted = {**_described(redirect), "application_type": "native" if _loopback(redirect) else "web"}
        fetched = await self._fetch.post_json(
            passage,
            authority.registration_endpoint,
            msgspec.json.encode(wanted),
            {"accept": "application/json"},
        )
        if fetched.status not in _CREATED or fetched.value is None:
            raise SignInError(
                f"The authorization server {authority.issuer} does not register this site (HTTP {fetched.status}).",
                remedy="Have it registered there, and name its client_id in the profile.",
            )
        try:
            found = msgspec.convert(fetched.value, _Registered)
        except msgspec.ValidationError as error:
            raise SignInError(f"The registration at {authority.issuer} cannot be read: {error}.") from None
        method = found.token_endpoint_auth_method or (
            "client_secret_basic" if found.client_secret else "none"
        )
        if (
            method not in (*_METHODS, "none")
            or not _plain(found.client_id)
            or len(found.client_secret) > _LONGEST
        ):
            raise SignInError(f"The registration at {authority.issuer} is of a kind that is not known here.")
        return Client(
            id=found.client_id,
            source="registered",
            method=method,
            secret=found.client_secret if method != "none" else "",
            expires=max(0, found.client_secret_expires_at),
        )

    def secret(self, passage: Passage, name: str, entry: McpServer, client: Client) -> str:
        """The client's secret at this moment; the profile's is asked for at each use, so it may be rotated."""
        given = entry.oauth.client_secret
        if client.source != "profile" or given is None:
            return client.secret
        if not given.reference:
            return given.reveal()
        try:
            return self._broker.value(passage, f"server:{name}", given.reference)
        except SecretError as error:
            raise SignInError(error.message, remedy=error.remedy, status=503) from None


def preregistered(entry: McpServer, authority: Authority) -> Client:
    """The client that the profile names."""
    if entry.oauth.client_secret is None:
        return Client(id=entry.oauth.client_id, source="profile")
    method = next(
        (one for one in _METHODS if one in authority.token_endpoint_auth_methods_supported), _METHODS[0]
    )
    return Client(id=entry.oauth.client_id, source="profile", method=method)


def document(own: str, redirect: str) -> Mapping[str, Any]:
    """The client metadata document that lies at `own`."""
    return {"client_id": own, "application_type": "web", **_described(redirect)}


def _described(redirect: str) -> dict[str, Any]:
    return {
        "client_name": "Sallyport",
        "redirect_uris": [redirect],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def _loopback(redirect: str) -> bool:
    host = redirect.partition("://")[2].partition("/")[0]
    host = host.rpartition(":")[0] or host
    if host == "localhost":
        return True
    try:
        return checked(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _plain(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable()
