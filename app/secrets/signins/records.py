"""Rows of sign-ins as they leave the store, and what their boxes hold."""

from datetime import datetime
from typing import Literal

import msgspec

SITE = "*"
"""The principal of a sign-in that everybody uses."""
CLIENT = "@client"
"""The principal of a token that the client got for itself (client credentials)."""
Via = Literal["console", "cli", "api"]
Source = Literal["profile", "document", "registered"]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are to an authorization server. A `secret` from the profile is asked for at each use and not kept here."""

    id: str
    source: Source
    method: str = "none"
    """How the token endpoint is told (RFC 7591 `token_endpoint_auth_method`)."""
    secret: str = ""
    expires: int = 0
    """When the secret ends, in seconds since 1970; 0: never."""

    def __repr__(self) -> str:
        return f"Client({self.id}, {self.source})"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the box of a sign-in: the tokens, and the only places they may be sent to."""

    access: str
    refresh: str
    client: Client
    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    resource: str

    def __repr__(self) -> str:
        return f"Grant({self.issuer})"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the box of a sign-in that was begun; nothing of it is asked again when it is completed."""

    server: str
    verifier: str
    client: Client
    issuer: str
    issuer_announced: bool
    """Whether the authorization server says that it names itself in its answer (RFC 9207)."""
    token_endpoint: str
    revocation_endpoint: str
    resource: str
    redirect: str
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Attempt({self.server})"


class SignInRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in; its boxes are empty once it has ended."""

    server: str
    principal: str
    version: int
    state: Literal["signed in", "ended"]
    problem: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    wanted: tuple[str, ...]
    refreshable: bool
    expires: datetime | None
    renew: datetime | None
    signed_in: datetime
    changed: datetime
    wrapped: bytes
    value: bytes


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that was begun; `session` is the console session it belongs to."""

    state_hash: bytes
    server: str
    principal: str
    via: Via
    session: str
    expires: datetime
    wrapped: bytes
    value: bytes
    answer_wrapped: bytes
    answer: bytes


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """A registration of ours."""

    server: str
    issuer: str
    redirect: str
    client_id: str
    wrapped: bytes
    value: bytes


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that is open: its row and what is in its box."""

    row: SignInRow
    grant: Grant
