"""From the URL of a tool server to its authorization server (RFC 9728, then RFC 8414 or OpenID Connect Discovery)."""

from typing import TypeVar

import msgspec

from app.config.tools import McpServer
from app.core.passage import Passage
from app.mcp import protocol
from app.mcp.oauth.fetch import Fetch
from app.mcp.oauth.metadata import (
    Authority,
    Challenge,
    ResourceMetadata,
    authority_places,
    check_authority,
    covers,
    read_challenge,
    resource_places,
    union,
)
from app.mcp.oauth.wanted import SignInError
from app.mcp.protocol import LATEST_OLD

T = TypeVar("T")
_FOUND = 200
_HELLO = {
    "protocolVersion": LATEST_OLD,
    "capabilities": {},
    "clientInfo": {"name": "sallyport", "version": "1"},
}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The authorization server, for which resource tokens are asked, and the scopes that the server asks for."""

    authority: Authority
    resource: str
    scopes: tuple[str, ...]


class Discovery:
    """Asked anew at each sign-in: nothing that was published once is believed for ever."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def find(self, passage: Passage, name: str, entry: McpServer) -> Found:
        """SignInError says what is published wrongly, or what the profile has to declare."""
        challenge = await self._challenge(passage, entry)
        metadata = await self._resource(passage, name, entry, challenge)
        issuer = _issuer(name, entry, metadata)
        authority = await self.authority(passage, issuer)
        supported = metadata.scopes_supported if metadata is not None else ()
        return Found(
            authority=authority,
            resource=metadata.resource if metadata is not None else entry.url,
            scopes=challenge.scopes or union(supported),
        )

    async def authority(self, passage: Passage, issuer: str) -> Authority:
        """The metadata of an issuer, checked."""
        for place in authority_places(issuer):
            fetched = await self._fetch.get(passage, place)
            if fetched.status == _FOUND and fetched.value is not None:
                authority = _read(fetched.value, Authority, f"The authorization server {issuer}")
                check_authority(authority, issuer)
                return authority
        raise SignInError(
            f"The authorization server {issuer} publishes no metadata.",
            remedy="It must serve RFC 8414 or OpenID Connect discovery.",
        )

    async def _challenge(self, passage: Passage, entry: McpServer) -> Challenge:
        """What the server answers to somebody without a token, who introduces themselves and asks for its tools."""
        headers = {name.lower(): value.reveal() for name, value in entry.headers.items()}
        found = Challenge()
        for message in (protocol.request(1, "initialize", _HELLO), protocol.request(2, "tools/list", {})):
            answer = await self._fetch.post_json(passage, entry.url, message, headers)
            found = read_challenge(answer.challenge)
            if answer.challenge:
                break
        return found

    async def _resource(
        self, passage: Passage, name: str, entry: McpServer, challenge: Challenge
    ) -> ResourceMetadata | None:
        for place in resource_places(entry.url, challenge):
            fetched = await self._fetch.get(passage, place)
            if fetched.status != _FOUND or fetched.value is None:
                continue
            found = _read(fetched.value, ResourceMetadata, f"The tool server {name}")
            if not covers(found.resource, entry.url):
                raise SignInError(
                    f"The tool server {name} publishes metadata of another resource ({found.resource[:200]!r}).",
                    remedy=f"Tokens for that one would be sent to {entry.url}; correct one of the two.",
                )
            return found
        if challenge.resource_metadata:
            raise SignInError(f"The tool server {name} names metadata that is not there.")
        return None


def _issuer(name: str, entry: McpServer, metadata: ResourceMetadata | None) -> str:
    """An authorization server that both the server and the profile name; the profile's only one if it names none."""
    allowed = entry.oauth.issuers
    named = metadata.authorization_servers if metadata is not None else []
    if not named and len(allowed) == 1:
        return allowed[0]
    for issuer in named:
        if issuer in allowed:
            return issuer
    if not named:
        raise SignInError(
            f"The tool server {name} does not say which authorization server it trusts.",
            remedy=f"Leave one in mcp.servers.{name}.oauth.issuers.",
        )
    shown = ", ".join(repr(issuer[:200]) for issuer in named[:4])
    raise SignInError(
        f"The tool server {name} sends people to {shown}, which its entry does not name.",
        remedy=f"If that is right, add it to mcp.servers.{name}.oauth.issuers, exactly as written here.",
    )


def _read(value: object, type_: type[T], who: str) -> T:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise SignInError(f"{who} publishes metadata that cannot be read: {error}.") from None
