"""`/api/v1/keys`: API keys; the token itself is in one answer only."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from app.api.accounts import Name
from app.api.operation import Asked, Body, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.identity.keys import Budget, Keys, NewKey
from app.identity.records import ApiKey, BudgetWindow

Microdollars = Annotated[int, Meta(ge=0, le=10**15)]


class KeyQuery(PageQuery, frozen=True, kw_only=True):
    """Keys of one owner, or of all."""

    owner: Name | None = None


class NewBudget(Body, frozen=True, kw_only=True):
    """What the key may spend in each window."""

    microdollars: Microdollars
    window: BudgetWindow


class BudgetChange(Body, frozen=True, kw_only=True):
    """The budget from now on; null lifts it."""

    budget: NewBudget | None


class KeyRequest(Body, frozen=True, kw_only=True):
    """A key to be made; without scopes it may do whatever its owner may."""

    owner: Name
    label: Annotated[str, Meta(max_length=200)] = ""
    scopes: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)] | None = None
    expires: Annotated[datetime, Meta(tz=True)] | None = None
    budget: NewBudget | None = None


class _Keys:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def overview(self, asked: Asked) -> Page[ApiKey]:
        rows = await self._keys.list_all(owner=asked.query.owner)
        return page_in_memory(rows, asked.query, lambda row: row.prefix)

    async def create(self, asked: Asked) -> NewKey:
        new = asked.body
        made = await self._keys.create(
            asked.passage, owner=new.owner, label=new.label, scopes=new.scopes, expires=new.expires,
            budget=_budget(new.budget),
        )  # fmt: skip
        asked.passage.note(result={"prefix": made.key.prefix})
        return made

    async def show(self, asked: Asked) -> ApiKey:
        return await self._keys.find(asked.params["prefix"])

    async def disable(self, asked: Asked) -> ApiKey:
        return await self._keys.disable(asked.passage, asked.params["prefix"])

    async def enable(self, asked: Asked) -> ApiKey:
        return await self._keys.enable(asked.passage, asked.params["prefix"])

    async def revoke(self, asked: Asked) -> None:
        await self._keys.revoke(asked.passage, asked.params["prefix"])

    async def budget(self, asked: Asked) -> ApiKey:
        return await self._keys.set_budget(asked.passage, asked.params["prefix"], _budget(asked.body.budget))


def _budget(new: NewBudget | None) -> Budget | None:
    return msgspec.convert(msgspec.to_builtins(new), Budget) if new is not None else None


def operations(keys: Keys) -> list[Operation]:
    """The table of this subject."""
    does, all_, one = _Keys(keys), "/api/v1/keys", "/api/v1/keys/{prefix}"
    return [
        Operation(
            id="listKeys", method="GET", path=all_, summary="List API keys, newest first, without their secrets",
            action="admin.key.list", kind="key", about="*", run=does.overview, query=KeyQuery, answer=Page[ApiKey],
        ),
        Operation(
            id="createKey", method="POST", path=all_, summary="Create an API key; its token is shown only now", status=201,
            action="admin.key.create", kind="key", about="new", run=does.create, body=KeyRequest, answer=NewKey,
        ),
        Operation(
            id="showKey", method="GET", path=one, summary="Show an API key without its secret",
            action="admin.key.show", kind="key", about="{prefix}", run=does.show, answer=ApiKey,
        ),
        Operation(
            id="revokeKey", method="DELETE", path=one, summary="Revoke an API key for good",
            action="admin.key.revoke", kind="key", about="{prefix}", run=does.revoke,
        ),
        Operation(
            id="disableKey", method="POST", path=f"{one}/disable", summary="Refuse an API key until it is enabled again",
            action="admin.key.disable", kind="key", about="{prefix}", run=does.disable, answer=ApiKey,
        ),
        Operation(
            id="enableKey", method="POST", path=f"{one}/enable", summary="Let an API key work again",
            action="admin.key.enable", kind="key", about="{prefix}", run=does.enable, answer=ApiKey,
        ),
        Operation(
            id="setKeyBudget", method="PUT", path=f"{one}/budget", summary="Change or lift what an API key may spend",
            action="admin.key.budget", kind="key", about="{prefix}", run=does.budget, body=BudgetChange, answer=ApiKey,
        ),
    ]  # fmt: skip
