"""Users and service accounts: created, disabled, deleted; their passwords."""

from collections.abc import Sequence

from app.core.errors import ConflictError, NotFoundError
from app.core.ids import uuid7
from app.core.passage import Passage
from app.identity import store
from app.identity.change import Changes
from app.identity.names import checked_name, checked_text
from app.identity.records import Account, AccountKind
from app.identity.signin import store as signin_store
from app.identity.signin.passwords import Passwords, checked_password, name_hash


class Accounts:
    """One kind of account; its actions are `admin.KIND.…`."""

    def __init__(self, *, kind: AccountKind, changes: Changes, passwords: Passwords) -> None:
        self.kind: AccountKind = kind
        self._changes = changes
        self._passwords = passwords

    async def create(
        self,
        passage: Passage,
        *,
        name: str,
        display_name: str = "",
        password: str | None = None,
        roles: Sequence[str] = (),
        groups: Sequence[str] = (),
    ) -> Account:
        """A new account; ConflictError when the name was ever used, NotFoundError for an unknown role or group."""
        checked_name(name, what=self.kind)
        checked_text(display_name, what="display name")
        phc = await self._hashed(name, password) if password is not None else None
        async with self._changes.begin(passage, self._action("create")) as conn:
            made = await insert(
                conn,
                kind=self.kind,
                name=name,
                display_name=display_name,
                changes=self._changes,
                by=passage.principal.name,
            )
            if phc is not None:
                await signin_store.put_password(conn, made.id, phc, now=self._changes.clock.now())
            for role in dict.fromkeys(roles):
                await grant(conn, role=role, account=made)
            for group in dict.fromkeys(groups):
                await join(conn, group=group, account=made)
            return await self._get(conn, name)

    async def find(self, name: str) -> Account:
        """The account, or NotFoundError."""
        async with store.transaction(self._changes.pool) as conn:
            return await self._get(conn, name)

    async def list_all(self, *, after: str = "", limit: int = 1000) -> list[Account]:
        """Accounts by name, a page at a time."""
        async with store.transaction(self._changes.pool) as conn:
            return await store.accounts(conn, kind=self.kind, after=after, limit=limit)

    async def disable(self, passage: Passage, name: str) -> Account:
        """No credential of this account works any more; its sessions end."""
        async with self._changes.begin(passage, self._action("disable")) as conn:
            account = await self._get(conn, name)
            await store.set_account_state(conn, account.id, "disabled")
            await signin_store.end_sessions(conn, account.id)
            return await self._get(conn, name)

    async def enable(self, passage: Passage, name: str) -> Account:
        """The account works again, with the credentials it has."""
        async with self._changes.begin(passage, self._action("enable")) as conn:
            account = await self._get(conn, name)
            await store.set_account_state(conn, account.id, "active")
            return await self._get(conn, name)

    async def delete(self, passage: Passage, name: str) -> None:
        """Disable for good and strip everything; the row stays because the record points at it."""
        async with self._changes.begin(passage, self._action("delete")) as conn:
            account = await self._get(conn, name)
            await store.strip_account(conn, account.id)
            await store.set_account_state(conn, account.id, "deleted")

    async def standing(self, name: str) -> tuple[str, str]:
        """Id and state of the account, deleted ones too; empty texts when there is none."""
        async with store.transaction(self._changes.pool) as conn:
            account = await store.account(conn, name)
        return (str(account.id), account.state) if account and account.kind == self.kind else ("", "")

    async def forget(self, passage: Passage, name: str) -> None:
        """Delete for good, and replace the name wherever identities hold it."""
        async with self._changes.begin(passage, "admin.subject.erase") as conn:
            account = await store.account(conn, name)
            if account is None or account.kind != self.kind:
                raise NotFoundError(
                    f"There is no {self.kind} {name[:80]!r}.", remedy=f"See `sallyport {self.kind} list`."
                )
            await store.strip_account(conn, account.id)
            await signin_store.clear_attempts(conn, name_hash(name))
            await store.forget_name(conn, account.id, name=name, instead=f"erased-{account.id.hex[:24]}")

    async def set_password(self, passage: Passage, name: str, password: str) -> Account:
        """A new password; sessions of the old one end, and a lock is lifted."""
        phc = await self._hashed(name, password)
        async with self._changes.begin(passage, self._action("password")) as conn:
            account = await self._get(conn, name)
            await signin_store.put_password(conn, account.id, phc, now=self._changes.clock.now())
            await signin_store.end_sessions(conn, account.id)
            await signin_store.clear_attempts(conn, name_hash(name))
            return account

    async def unlock(self, passage: Passage, name: str) -> Account:
        """Forget failed sign-ins."""
        async with self._changes.begin(passage, self._action("unlock")) as conn:
            account = await self._get(conn, name)
            await signin_store.clear_attempts(conn, name_hash(name))
            return account

    async def grant(self, passage: Passage, name: str, role: str) -> Account:
        """Give a role."""
        async with self._changes.begin(passage, self._action("grant")) as conn:
            await grant(conn, role=role, account=await self._get(conn, name))
            return await self._get(conn, name)

    async def revoke(self, passage: Passage, name: str, role: str) -> Account:
        """Take a role that the account has by itself."""
        async with self._changes.begin(passage, self._action("revoke")) as conn:
            account = await self._get(conn, name)
            if not await store.revoke_from_account(conn, role=role, principal=account.id):
                raise NotFoundError(
                    f"{name} does not have the role {role} by itself.",
                    remedy="See its groups for roles they give.",
                )
            return await self._get(conn, name)

    def _action(self, verb: str) -> str:
        return f"admin.{self.kind}.{verb}"

    async def _get(self, conn: store.Connection, name: str) -> Account:
        account = await store.account(conn, name)
        if account is None or account.kind != self.kind or account.state == "deleted":
            raise NotFoundError(
                f"There is no {self.kind} {name[:80]!r}.", remedy=f"See `sallyport {self.kind} list`."
            )
        return account

    async def _hashed(self, name: str, password: str) -> str:
        if self.kind != "user":
            raise ConflictError(f"A {self.kind} account has no password.", remedy="Create an API key for it.")
        return await self._passwords.hashed(checked_password(password, name=name))


async def insert(
    conn: store.Connection, *, kind: AccountKind, name: str, display_name: str, changes: Changes, by: str
) -> Account:
    """A fresh account inside a transaction of `changes`."""
    now = changes.clock.now()
    if not await store.insert_account(
        conn, principal=uuid7(), kind=kind, name=name, display_name=display_name, now=now, by=by
    ):
        raise ConflictError(
            f"The name {name!r} is taken or was used before.",
            remedy="Choose another: names stay with those the record knows by them.",
        )
    account = await store.account(conn, name)
    if account is None:
        raise ConflictError(f"{name!r} vanished while it was made.", remedy="Try again.")
    return account


async def grant(conn: store.Connection, *, role: str, account: Account) -> None:
    """Give a role that exists."""
    if not await store.roles(conn, name=role):
        raise NotFoundError(f"There is no role {role[:80]!r}.", remedy="See `sallyport role list`.")
    await store.grant_to_account(conn, role=role, principal=account.id)


async def join(conn: store.Connection, *, group: str, account: Account) -> None:
    """Put the account in a group that exists."""
    if not await store.groups(conn, name=group):
        raise NotFoundError(f"There is no group {group[:80]!r}.", remedy="See `sallyport group list`.")
    await store.add_member(conn, group=group, principal=account.id)
