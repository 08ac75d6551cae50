"""Roles: names that policies permit things to."""

from app.core.errors import ConflictError, NotFoundError
from app.core.passage import Passage
from app.identity import store
from app.identity.change import Changes
from app.identity.names import checked_name, checked_text
from app.identity.records import Role


class Roles:
    """Actions are `admin.role.…`; roles are given by Accounts.grant and Groups.grant."""

    def __init__(self, *, changes: Changes) -> None:
        self._changes = changes

    async def create(self, passage: Passage, *, name: str, description: str = "") -> Role:
        """A new role that nobody has; ConflictError when it exists."""
        checked_name(name, what="role")
        checked_text(description, what="description")
        async with self._changes.begin(passage, "admin.role.create") as conn:
            if not await store.insert_role(conn, name=name, description=description):
                raise ConflictError(f"The role {name!r} exists.", remedy="Choose another name.")
            return await _role(conn, name)

    async def find(self, name: str) -> Role:
        """The role, or NotFoundError."""
        async with store.transaction(self._changes.pool) as conn:
            return await _role(conn, name)

    async def list_all(self) -> list[Role]:
        """All roles by name."""
        async with store.transaction(self._changes.pool) as conn:
            return await store.roles(conn)

    async def delete(self, passage: Passage, name: str) -> None:
        """Take it from everybody; built-in roles stay."""
        async with self._changes.begin(passage, "admin.role.delete") as conn:
            if (await _role(conn, name)).built_in:
                raise ConflictError(
                    f"The role {name} is built in.", remedy="Revoke it from those who should not have it."
                )
            await store.delete_role(conn, name)


async def _role(conn: store.Connection, name: str) -> Role:
    found = await store.roles(conn, name=name)
    if not found:
        raise NotFoundError(f"There is no role {name[:80]!r}.", remedy="See `sallyport role list`.")
    return found[0]
