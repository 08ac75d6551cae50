"""Sign-ins at remote tool servers, for programs: begin, send the browser, hand over the address that it ended at."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.core.errors import InputError
from app.secrets.signins import SignInState, SignsIn
from app.secrets.signins.returned import query_fields

_ROOT = "/api/v1/sign-ins"


class Returned(Body, frozen=True, kw_only=True):
    """The whole address that the browser was sent to at the end."""

    address: Annotated[str, Meta(min_length=1, max_length=8192)]


class SignInBegun(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser has to go, and until when it may come back."""

    server: str
    url: str
    issuer: str
    client_id: str
    scopes: list[str]
    expires: datetime


class _SignIns:
    def __init__(self, sign_ins: SignsIn) -> None:
        self._sign_ins = sign_ins

    async def overview(self, asked: Asked) -> Page[SignInState]:
        return page_in_memory(
            await self._sign_ins.overview(asked.passage), asked.query, lambda line: line.server
        )

    async def standing(self, asked: Asked) -> SignInState:
        return await self._sign_ins.standing(asked.passage, asked.params["server"])

    async def begin(self, asked: Asked) -> SignInBegun:
        begun = await self._sign_ins.begin(asked.passage, asked.params["server"], via="api")
        return SignInBegun(
            server=begun.server, url=begun.url, issuer=begun.issuer, client_id=begun.client_id,
            scopes=list(begun.scopes), expires=begun.expires,
        )  # fmt: skip

    async def complete(self, asked: Asked) -> SignInState:
        answer = query_fields(asked.body.address)
        begun = await self._sign_ins.begun(answer.get("state", ""))
        if begun is None or begun != (asked.params["server"], "api"):
            raise InputError("No sign-in that was begun here ends at this address.", remedy="Begin again.")
        return await self._sign_ins.complete(asked.passage, answer)

    async def sign_out(self, asked: Asked) -> None:
        await self._sign_ins.sign_out(asked.passage, asked.params["server"])


def operations(sign_ins: SignsIn) -> list[Operation]:
    """The table of this subject: of oneself, and of all who use a server with one sign-in."""
    does = _SignIns(sign_ins)
    return [
        Operation(
            id="listSignIns", method="GET", path=_ROOT, summary="List tool servers that want a sign-in, and how you stand",
            action="server.connect", kind="server", about="*", run=does.overview, query=PageQuery,
            answer=Page[SignInState],
        ),
        Operation(
            id="showSignIn", method="GET", path=f"{_ROOT}/{{server}}", summary="Show how you stand with a tool server",
            action="server.connect", kind="server", about="{server}", run=does.standing, answer=SignInState,
        ),
        *_changes(does, "", "you"),
        *_changes(does, "admin.", "everybody"),
    ]  # fmt: skip


def _changes(does: _SignIns, area: Literal["", "admin."], whom: str) -> list[Operation]:
    path, name = f"{_ROOT}/{{server}}", "SignIn"
    if area:
        path, name = f"{path}/site", "SiteSignIn"
    return [
        Operation(
            id=f"begin{name}", method="POST", path=path, summary=f"Begin a sign-in at a tool server for {whom}",
            action=f"{area}server.sign_in", kind="server", about="{server}", run=does.begin, answer=SignInBegun,
        ),
        Operation(
            id=f"complete{name}", method="POST", path=f"{path}/complete",
            summary=f"Complete a sign-in for {whom} with the address that the browser ended at",
            action=f"{area}server.sign_in", kind="server", about="{server}", run=does.complete, body=Returned,
            answer=SignInState, secret=("address",),
        ),
        Operation(
            id=f"end{name}", method="DELETE", path=path, summary=f"Sign out at a tool server for {whom}",
            action=f"{area}server.sign_out", kind="server", about="{server}", run=does.sign_out,
        ),
    ]  # fmt: skip
