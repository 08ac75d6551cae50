"""What consoles, commands and programs ask about sign-ins; who signs in at servers answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from app.core.passage import Passage
from app.secrets.signins.records import Via


class SignInState(msgspec.Struct, frozen=True, kw_only=True):
    """How one principal stands with one server. `per` says whose sign-in it is; `wanted` are scopes still missing."""

    server: str
    per: Literal["user", "site"]
    state: Literal["wanted", "signed in", "ended", "client"]
    problem: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    wanted: tuple[str, ...]
    until: datetime | None
    """When the access token ends; it is renewed before, where that is possible."""
    renewed: bool
    """Whether it can be renewed without the person."""
    sign_in: str
    """The page where a person signs in."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way: where the browser has to go, and until when it may come back."""

    server: str
    url: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    expires: datetime
    state: str


class SignsIn(Protocol):
    """Each method demands the passage of the door's own call about that server."""

    def action(self, server: str, *, out: bool = False) -> str:
        """The action that signing in there (or `out`) is; NotFoundError when that server wants no sign-in."""
        ...

    async def overview(self, passage: Passage) -> Sequence[SignInState]:
        """How the caller stands with each server that wants a sign-in."""
        ...

    async def standing(self, passage: Passage, server: str) -> SignInState:
        """The same of one."""
        ...

    async def begin(self, passage: Passage, server: str, *, via: Via) -> Begun:
        """Ask the server and its authorization server for what is needed."""
        ...

    async def begun(self, state: str) -> tuple[str, Via] | None:
        """Server and origin of a sign-in that is under way; None for a state nobody has."""
        ...

    async def park(self, state: str, answer: Mapping[str, str]) -> None:
        """Keep what a browser brought for the command that waits for it."""
        ...

    async def complete(self, passage: Passage, answer: Mapping[str, str]) -> SignInState:
        """Redeem what came back; a state works once, for whom it was made."""
        ...

    async def sign_out(self, passage: Passage, server: str) -> SignInState:
        """Revoke and forget the caller's tokens."""
        ...
