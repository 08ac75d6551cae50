"""`/api/v1/users` and `/api/v1/services`: accounts, their roles and passwords."""

from typing import Annotated

from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page
from app.api.paging import PageQuery, page_of, unseal
from app.identity.accounts import Accounts
from app.identity.records import Account

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Names = Annotated[tuple[Name, ...], Meta(max_length=100)]


class NewService(Body, frozen=True, kw_only=True):
    """A service account to be made."""

    name: Name
    display_name: Annotated[str, Meta(max_length=200)] = ""
    roles: Names = ()
    groups: Names = ()


class NewUser(NewService, frozen=True, kw_only=True):
    """A user to be made; without a password by one-time link or federation only."""

    password: Annotated[str, Meta(max_length=1024)] | None = None


class NewPassword(Body, frozen=True, kw_only=True):
    """A password that replaces the one before."""

    password: Annotated[str, Meta(max_length=1024)]


class _Accounts:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def overview(self, asked: Asked) -> Page[Account]:
        query: PageQuery = asked.query
        rows = await self._accounts.list_all(after=unseal(query.cursor), limit=query.limit + 1)
        return page_of(rows, query.limit, lambda row: row.name)

    async def create(self, asked: Asked) -> Account:
        new = asked.body
        return await self._accounts.create(
            asked.passage, name=new.name, display_name=new.display_name, password=getattr(new, "password", None),
            roles=new.roles, groups=new.groups,
        )  # fmt: skip

    async def show(self, asked: Asked) -> Account:
        return await self._accounts.find(asked.params["name"])

    async def delete(self, asked: Asked) -> None:
        await self._accounts.delete(asked.passage, asked.params["name"])

    async def disable(self, asked: Asked) -> Account:
        return await self._accounts.disable(asked.passage, asked.params["name"])

    async def enable(self, asked: Asked) -> Account:
        return await self._accounts.enable(asked.passage, asked.params["name"])

    async def unlock(self, asked: Asked) -> Account:
        return await self._accounts.unlock(asked.passage, asked.params["name"])

    async def password(self, asked: Asked) -> Account:
        return await self._accounts.set_password(asked.passage, asked.params["name"], asked.body.password)

    async def grant(self, asked: Asked) -> Account:
        return await self._accounts.grant(asked.passage, asked.params["name"], asked.params["role"])

    async def revoke(self, asked: Asked) -> Account:
        return await self._accounts.revoke(asked.passage, asked.params["name"], asked.params["role"])


def operations(accounts: Accounts) -> list[Operation]:
    """The table for one kind of account."""
    does, kind, title = _Accounts(accounts), accounts.kind, accounts.kind.title()
    all_, one = f"/api/v1/{kind}s", f"/api/v1/{kind}s/{{name}}"
    new = NewUser if kind == "user" else NewService
    found = [
        Operation(
            id=f"list{title}s", method="GET", path=all_, summary=f"List {kind}s by name",
            action=f"admin.{kind}.list", kind=kind, about="*", run=does.overview, query=PageQuery, answer=Page[Account],
        ),
        Operation(
            id=f"create{title}", method="POST", path=all_, summary=f"Create a {kind}", secret=("password",), status=201,
            action=f"admin.{kind}.create", kind=kind, about="body.name", run=does.create, body=new, answer=Account,
        ),
        Operation(
            id=f"show{title}", method="GET", path=one, summary=f"Show a {kind}",
            action=f"admin.{kind}.show", kind=kind, about="{name}", run=does.show, answer=Account,
        ),
        Operation(
            id=f"delete{title}", method="DELETE", path=one, summary=f"Delete a {kind} for good; its name stays taken",
            action=f"admin.{kind}.delete", kind=kind, about="{name}", run=does.delete,
        ),
        Operation(
            id=f"disable{title}", method="POST", path=f"{one}/disable", summary="Let no credential work any more",
            action=f"admin.{kind}.disable", kind=kind, about="{name}", run=does.disable, answer=Account,
        ),
        Operation(
            id=f"enable{title}", method="POST", path=f"{one}/enable", summary="Let its credentials work again",
            action=f"admin.{kind}.enable", kind=kind, about="{name}", run=does.enable, answer=Account,
        ),
        Operation(
            id=f"grant{title}Role", method="PUT", path=f"{one}/roles/{{role}}", summary="Give a role",
            action=f"admin.{kind}.grant", kind=kind, about="{name}", run=does.grant, answer=Account,
        ),
        Operation(
            id=f"revoke{title}Role", method="DELETE", path=f"{one}/roles/{{role}}", summary="Take a role",
            action=f"admin.{kind}.revoke", kind=kind, about="{name}", run=does.revoke, answer=Account,
        ),
    ]  # fmt: skip
    return found + (_for_people(does, one) if kind == "user" else [])


def _for_people(does: _Accounts, one: str) -> list[Operation]:
    return [
        Operation(
            id="setUserPassword", method="PUT", path=f"{one}/password", summary="Set a password and end all sessions",
            action="admin.user.password", kind="user", about="{name}", run=does.password, body=NewPassword,
            secret=("password",), answer=Account,
        ),
        Operation(
            id="unlockUser", method="POST", path=f"{one}/unlock", summary="Forget failed sign-ins",
            action="admin.user.unlock", kind="user", about="{name}", run=does.unlock, answer=Account,
        ),
    ]  # fmt: skip
