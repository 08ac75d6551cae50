"""`/api/v1/groups` and `/api/v1/roles`."""

from typing import Annotated

from msgspec import Meta

from app.api.accounts import Name
from app.api.operation import Asked, Body, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.identity.groups import Groups
from app.identity.records import Group, Role
from app.identity.roles import Roles


class NewGroup(Body, frozen=True, kw_only=True):
    """A group to be made."""

    name: Name
    description: Annotated[str, Meta(max_length=200)] = ""


class NewRole(Body, frozen=True, kw_only=True):
    """A role to be made."""

    name: Name
    description: Annotated[str, Meta(max_length=200)] = ""


class _Groups:
    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    async def overview(self, asked: Asked) -> Page[Group]:
        return page_in_memory(await self._groups.list_all(), asked.query, lambda row: row.name)

    async def create(self, asked: Asked) -> Group:
        return await self._groups.create(
            asked.passage, name=asked.body.name, description=asked.body.description
        )

    async def show(self, asked: Asked) -> Group:
        return await self._groups.find(asked.params["name"])

    async def delete(self, asked: Asked) -> None:
        await self._groups.delete(asked.passage, asked.params["name"])

    async def add(self, asked: Asked) -> Group:
        return await self._groups.add(asked.passage, asked.params["name"], asked.params["account"])

    async def remove(self, asked: Asked) -> Group:
        return await self._groups.remove(asked.passage, asked.params["name"], asked.params["account"])

    async def grant(self, asked: Asked) -> Group:
        return await self._groups.grant(asked.passage, asked.params["name"], asked.params["role"])

    async def revoke(self, asked: Asked) -> Group:
        return await self._groups.revoke(asked.passage, asked.params["name"], asked.params["role"])


class _Roles:
    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    async def overview(self, asked: Asked) -> Page[Role]:
        return page_in_memory(await self._roles.list_all(), asked.query, lambda row: row.name)

    async def create(self, asked: Asked) -> Role:
        return await self._roles.create(
            asked.passage, name=asked.body.name, description=asked.body.description
        )

    async def show(self, asked: Asked) -> Role:
        return await self._roles.find(asked.params["name"])

    async def delete(self, asked: Asked) -> None:
        await self._roles.delete(asked.passage, asked.params["name"])


def operations(groups: Groups, roles: Roles) -> list[Operation]:
    """The tables of both subjects."""
    return [*_group_operations(_Groups(groups)), *_role_operations(_Roles(roles))]


def _group_operations(does: _Groups) -> list[Operation]:
    one = "/api/v1/groups/{name}"
    return [
        Operation(
            id="listGroups", method="GET", path="/api/v1/groups", summary="List groups by name",
            action="admin.group.list", kind="group", about="*", run=does.overview, query=PageQuery, answer=Page[Group],
        ),
        Operation(
            id="createGroup", method="POST", path="/api/v1/groups", summary="Create a group", status=201,
            action="admin.group.create", kind="group", about="body.name", run=does.create, body=NewGroup, answer=Group,
        ),
        Operation(
            id="showGroup", method="GET", path=one, summary="Show a group with its members",
            action="admin.group.show", kind="group", about="{name}", run=does.show, answer=Group,
        ),
        Operation(
            id="deleteGroup", method="DELETE", path=one, summary="Delete a group; its members stay",
            action="admin.group.delete", kind="group", about="{name}", run=does.delete,
        ),
        Operation(
            id="addMember", method="PUT", path=f"{one}/members/{{account}}", summary="Put an account into a group",
            action="admin.group.add", kind="group", about="{name}", run=does.add, answer=Group,
        ),
        Operation(
            id="removeMember", method="DELETE", path=f"{one}/members/{{account}}", summary="Take an account out of a group",
            action="admin.group.remove", kind="group", about="{name}", run=does.remove, answer=Group,
        ),
        Operation(
            id="grantGroupRole", method="PUT", path=f"{one}/roles/{{role}}", summary="Give all members a role",
            action="admin.group.grant", kind="group", about="{name}", run=does.grant, answer=Group,
        ),
        Operation(
            id="revokeGroupRole", method="DELETE", path=f"{one}/roles/{{role}}", summary="Take a role from the group",
            action="admin.group.revoke", kind="group", about="{name}", run=does.revoke, answer=Group,
        ),
    ]  # fmt: skip


def _role_operations(does: _Roles) -> list[Operation]:
    one = "/api/v1/roles/{name}"
    return [
        Operation(
            id="listRoles", method="GET", path="/api/v1/roles", summary="List roles by name",
            action="admin.role.list", kind="role", about="*", run=does.overview, query=PageQuery, answer=Page[Role],
        ),
        Operation(
            id="createRole", method="POST", path="/api/v1/roles", summary="Create a role", status=201,
            action="admin.role.create", kind="role", about="body.name", run=does.create, body=NewRole, answer=Role,
        ),
        Operation(
            id="showRole", method="GET", path=one, summary="Show who has a role",
            action="admin.role.show", kind="role", about="{name}", run=does.show, answer=Role,
        ),
        Operation(
            id="deleteRole", method="DELETE", path=one, summary="Take a role from everybody and delete it",
            action="admin.role.delete", kind="role", about="{name}", run=does.delete,
        ),
    ]  # fmt: skip
