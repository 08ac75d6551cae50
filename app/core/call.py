"""A call as it reaches the corridor, the same from every door."""

from typing import Any

import msgspec

from app.core.ids import Trace
from app.core.passage import Passage
from app.core.principal import ANONYMOUS
from app.core.usage import Reserve


class NoCredential(msgspec.Struct, frozen=True, tag=True):
    """Nothing was presented."""


class BearerToken(msgspec.Struct, frozen=True, tag=True):
    """An API key or access token from `Authorization: Bearer` or `x-api-key`."""

    token: str


class SessionCookie(msgspec.Struct, frozen=True, tag=True):
    """A console session's secret."""

    token: str


class PasswordCredential(msgspec.Struct, frozen=True, tag=True):
    """A user name and password, used once to begin a session."""

    name: str
    password: str


class SetupToken(msgspec.Struct, frozen=True, tag=True):
    """The one-time link that makes the first administrator, or signs one in."""

    token: str


class LocalOperator(msgspec.Struct, frozen=True, tag=True):
    """Whoever may read the site's data folder on the host, by operating-system user."""

    uid: int
    name: str


class Inherited(msgspec.Struct, frozen=True, tag=True):
    """A call made on behalf of an admitted one: the same principal, recorded as its child."""

    passage: Passage


Credential = (
    NoCredential | BearerToken | SessionCookie | PasswordCredential | SetupToken | LocalOperator | Inherited
)

NO_CREDENTIAL = NoCredential()


class Resource(msgspec.Struct, frozen=True):
    """What a call is about: `kind` is model, tool, server, user, policy …; a tool's `name` is `server/tool`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for what. `arguments` is what policy conditions see and the record keeps (decoded JSON).

    `reserve` is an upper estimate that budgets hold back until the outcome; without one no budget is asked.
    `details` goes to the record beside the arguments and never into a decision.
    """

    door: str
    action: str
    resource: Resource
    trace: Trace
    credential: Credential = NO_CREDENTIAL
    arguments: dict[str, Any] | None = None
    details: dict[str, Any] | None = None
    client: str = ""
    address: str = ""
    agent: str = ""
    session: str = ""
    reserve: Reserve | None = None


__all__ = [
    "ANONYMOUS", "NO_CREDENTIAL", "BearerToken", "Call", "Credential", "Inherited", "LocalOperator",
    "NoCredential", "PasswordCredential", "Resource", "SessionCookie", "SetupToken",
]  # fmt: skip
