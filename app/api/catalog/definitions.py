"""`/api/v1/definitions`: list, show with the difference, approve and reject by digest."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.catalog import Catalog, Kind, Review
from app.catalog.review import APPROVE, REJECT, Judged, Shown, Standing, digest_of_all

Digest = Annotated[str, Meta(pattern=r"^(sha256:)?[0-9a-f]{12,64}$", description="what was seen")]
_ROOT = "/api/v1/definitions"


class ListQuery(PageQuery, frozen=True, kw_only=True):
    """Which: of one server, and whether only what waits."""

    server: Annotated[str, Meta(max_length=64)] = ""
    state: Literal["all", "pending"] = "all"


class Judge(Body, frozen=True, kw_only=True):
    """The definition that was seen, by its digest."""

    digest: Digest


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """All that waits of a server; its digest is needed to approve it as a whole."""

    digest: str
    items: list[Standing]


class All(msgspec.Struct, frozen=True, kw_only=True):
    """What was approved."""

    approved: list[Judged]


class _Definitions:
    def __init__(self, catalog: Catalog, review: Review) -> None:
        self._catalog = catalog
        self._review = review

    async def overview(self, asked: Asked) -> Page[Standing]:
        query = asked.query
        read = self._review.pending if query.state == "pending" else self._review.overview
        return page_in_memory(
            await read(query.server), query, lambda line: f"{line.server} {line.kind} {line.name}"
        )

    async def waiting(self, asked: Asked) -> Waiting:
        lines = await self._review.pending(asked.params["server"])
        return Waiting(digest=digest_of_all(lines), items=lines)

    async def approve_all(self, asked: Asked) -> All:
        judged = await self._review.approve_all(asked.passage, asked.params["server"], asked.body.digest)
        await self._catalog.refresh()
        asked.passage.note(result={"approved": msgspec.to_builtins(judged)})
        return All(approved=judged)

    def show(self, kind: Kind) -> Callable[[Asked], Awaitable[Shown]]:
        async def run(asked: Asked) -> Shown:
            return await self._review.show(_key(asked, kind))

        return run

    def judge(self, kind: Kind, *, approve: bool) -> Callable[[Asked], Awaitable[Judged]]:
        async def run(asked: Asked) -> Judged:
            does = self._review.approve if approve else self._review.reject
            judged = await does(asked.passage, _key(asked, kind), asked.body.digest)
            await self._catalog.refresh()
            asked.passage.note(result=msgspec.to_builtins(judged))
            return judged

        return run


def _key(asked: Asked, kind: Kind) -> tuple[str, Kind, str]:
    return asked.params["server"], kind, asked.params.get("name", "")


def operations(*, catalog: Catalog, review: Review) -> list[Operation]:
    """The table of this subject."""
    does = _Definitions(catalog, review)
    waiting = f"{_ROOT}/waiting/{{server}}"
    found = [
        Operation(
            id="listDefinitions", method="GET", path=_ROOT, summary="List what tool servers offer, and how it stands",
            action="admin.tool.list", kind="tool", about="*", run=does.overview, query=ListQuery, answer=Page[Standing],
        ),
        Operation(
            id="listWaitingDefinitions", method="GET", path=waiting, summary="List what waits of one server",
            action="admin.tool.list", kind="server", about="{server}", run=does.waiting, answer=Waiting,
        ),
        Operation(
            id="approveWaitingDefinitions", method="POST", path=f"{waiting}/approve",
            summary="Approve all that waits of one server", action=APPROVE, kind="server", about="{server}",
            run=does.approve_all, body=Judge, answer=All,
        ),
    ]  # fmt: skip
    for kind in ("server", "tool", "prompt", "template", "skill"):
        found += _of_kind(does, kind)
    return found


def _of_kind(does: _Definitions, kind: Kind) -> list[Operation]:
    path, about = f"{_ROOT}/{kind}s/{{server}}", "{server}"
    if kind != "server":
        path, about = f"{path}/{{name}}", f"{about}/{{name}}"
    name = f"{kind.capitalize()}Definition"
    common: dict[str, Any] = {"kind": kind, "about": about}
    return [
        Operation(
            id=f"show{name}", method="GET", path=path, summary=f"Show a {kind} against what is approved",
            action="admin.tool.show", run=does.show(kind), answer=Shown, **common,
        ),
        Operation(
            id=f"approve{name}", method="POST", path=f"{path}/approve", summary=f"Let a {kind} be used as it was seen",
            action=APPROVE, run=does.judge(kind, approve=True), body=Judge, answer=Judged, **common,
        ),
        Operation(
            id=f"reject{name}", method="POST", path=f"{path}/reject", summary=f"Refuse a {kind} as it was seen",
            action=REJECT, run=does.judge(kind, approve=False), body=Judge, answer=Judged, **common,
        ),
    ]  # fmt: skip
