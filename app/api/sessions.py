"""`/api/v1/sessions`: console sessions and one-time sign-in links."""

import msgspec

from app.api.operation import Asked, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.identity import Identity
from app.identity.signin.store import StoredSession


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Signs a user in to the console once, within 15 minutes, at this path of the site."""

    name: str
    token: str
    path: str


class _Sessions:
    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def overview(self, asked: Asked) -> Page[StoredSession]:
        rows = await self._identity.sessions.list_all(account=asked.params.get("name"))
        return page_in_memory(rows, asked.query, lambda row: str(row.id))

    async def end(self, asked: Asked) -> None:
        await self._identity.sessions.end(asked.passage, asked.params["id"])

    async def end_all(self, asked: Asked) -> None:
        await self._identity.sessions.end_all(asked.passage, asked.params["name"])

    async def link(self, asked: Asked) -> Link:
        name = asked.params["name"]
        token = await self._identity.setup.mint_sign_in(asked.passage, name)
        return Link(name=name, token=token, path=f"/console/link/{token}")


def operations(identity: Identity) -> list[Operation]:
    """The table of this subject."""
    does, user = _Sessions(identity), "/api/v1/users/{name}"
    return [
        Operation(
            id="listSessions", method="GET", path="/api/v1/sessions", summary="List console sessions, newest first",
            action="admin.session.list", kind="user", about="*", run=does.overview, query=PageQuery,
            answer=Page[StoredSession],
        ),
        Operation(
            id="endSession", method="DELETE", path="/api/v1/sessions/{id}", summary="End a console session now",
            action="admin.session.end", kind="session", about="{id}", run=does.end,
        ),
        Operation(
            id="listUserSessions", method="GET", path=f"{user}/sessions", summary="List the console sessions of a user",
            action="admin.session.list", kind="user", about="{name}", run=does.overview, query=PageQuery,
            answer=Page[StoredSession],
        ),
        Operation(
            id="signUserOut", method="DELETE", path=f"{user}/sessions", summary="End all sessions and links of a user",
            action="admin.session.end", kind="user", about="{name}", run=does.end_all,
        ),
        Operation(
            id="linkUser", method="POST", path=f"{user}/link", summary="Make a link that signs a user in once",
            action="admin.user.link", kind="user", about="{name}", run=does.link, answer=Link,
        ),
    ]  # fmt: skip
