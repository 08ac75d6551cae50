"""Groups: departments, projects, teams; their members and the roles they give."""

from app.core.errors import ConflictError, NotFoundError
from app.core.passage import Passage
from app.identity import store
from app.identity.change import Changes
from app.identity.names import checked_name, checked_text
from app.identity.records import Account, Group


class Groups:
    """Actions are `admin.group.…`."""

    def __init__(self, *, changes: Changes) -> None:
        self._changes = changes

    async def create(self, passage: Passage, *, name: str, description: str = "") -> Group:
        """A new, empty group; ConflictError when it exists."""
        checked_name(name, what="group")
        checked_text(description, what="description")
        async with self._changes.begin(passage, "admin.group.create") as conn:
            now, by = self._changes.clock.now(), passage.principal.name
            if not await store.insert_group(conn, name=name, description=description, now=now, by=by):
                raise ConflictError(f"The group {name!r} exists.", remedy="Choose another name.")
            return await _group(conn, name)

    async def find(self, name: str) -> Group:
        """The group, or NotFoundError."""
        async with store.transaction(self._changes.pool) as conn:
            return await _group(conn, name)

    async def list_all(self) -> list[Group]:
        """All groups by name."""
        async with store.transaction(self._changes.pool) as conn:
            return await store.groups(conn)

    async def delete(self, passage: Passage, name: str) -> None:
        """Members stay; what the group gave them ends."""
        async with self._changes.begin(passage, "admin.group.delete") as conn:
            if not await store.delete_group(conn, name):
                raise _unknown(name)

    async def add(self, passage: Passage, name: str, account: str) -> Group:
        """Put a user or service account in; being there already is fine."""
        async with self._changes.begin(passage, "admin.group.add") as conn:
            await _group(conn, name)
            await store.add_member(conn, group=name, principal=(await _account(conn, account)).id)
            return await _group(conn, name)

    async def remove(self, passage: Passage, name: str, account: str) -> Group:
        """Take a member out; NotFoundError when it is none."""
        async with self._changes.begin(passage, "admin.group.remove") as conn:
            await _group(conn, name)
            if not await store.remove_member(conn, group=name, principal=(await _account(conn, account)).id):
                raise NotFoundError(
                    f"{account} is not in the group {name}.", remedy=f"See `sallyport group show {name}`."
                )
            return await _group(conn, name)

    async def grant(self, passage: Passage, name: str, role: str) -> Group:
        """Every member has this role from now on."""
        async with self._changes.begin(passage, "admin.group.grant") as conn:
            await _group(conn, name)
            if not await store.roles(conn, name=role):
                raise NotFoundError(f"There is no role {role[:80]!r}.", remedy="See `sallyport role list`.")
            await store.grant_to_group(conn, role=role, group=name)
            return await _group(conn, name)

    async def revoke(self, passage: Passage, name: str, role: str) -> Group:
        """Members no longer have this role through the group."""
        async with self._changes.begin(passage, "admin.group.revoke") as conn:
            await _group(conn, name)
            if not await store.revoke_from_group(conn, role=role, group=name):
                raise NotFoundError(
                    f"The group {name} does not give the role {role}.",
                    remedy=f"See `sallyport group show {name}`.",
                )
            return await _group(conn, name)


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no group {name[:80]!r}.", remedy="See `sallyport group list`.")


async def _group(conn: store.Connection, name: str) -> Group:
    found = await store.groups(conn, name=name)
    if not found:
        raise _unknown(name)
    return found[0]


async def _account(conn: store.Connection, name: str) -> Account:
    account = await store.account(conn, name)
    if account is None or account.state == "deleted":
        raise NotFoundError(
            f"There is no account {name[:80]!r}.",
            remedy="See `sallyport user list` and `sallyport service list`.",
        )
    return account
