"""API keys: shown once, kept as a hash, bound to an owner, scopes, an expiry and a budget."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.core.errors import ConflictError, InputError, NotFoundError
from app.core.passage import Passage
from app.identity import store
from app.identity.budgets.defining import MOST as MAX_BUDGET
from app.identity.budgets.defining import put_of_key
from app.identity.change import Changes
from app.identity.names import checked_scopes, checked_text
from app.identity.records import ApiKey, BudgetWindow
from app.identity.signin.tokens import mint_api_key, secret_hash


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a key may spend in each UTC day or month, or in all."""

    microdollars: int
    window: BudgetWindow


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in the only moment in which its token can be seen."""

    key: ApiKey
    token: str


class Keys:
    """Actions are `admin.key.…`."""

    def __init__(self, *, changes: Changes) -> None:
        self._changes = changes

    async def create(
        self,
        passage: Passage,
        *,
        owner: str,
        label: str = "",
        scopes: Sequence[str] | None = None,
        expires: datetime | None = None,
        budget: Budget | None = None,
    ) -> NewKey:
        """A key for an active account."""
        now = self._changes.clock.now()
        checked_text(label, what="label")
        if expires is not None and (expires.tzinfo is None or expires <= now):
            raise InputError(
                "The key would expire in the past.",
                remedy="Give a later time with its zone.",
                code="invalid_expiry",
            )
        _check_budget(budget)
        secret = mint_api_key()
        async with self._changes.begin(passage, "admin.key.create") as conn:
            account = await store.account(conn, owner)
            if account is None or account.state == "deleted":
                raise NotFoundError(
                    f"There is no account {owner[:80]!r}.",
                    remedy="See `sallyport user list` and `sallyport service list`.",
                )
            if account.state != "active":
                raise ConflictError(f"{owner} is disabled.", remedy="Enable the account first.")
            key = ApiKey(
                prefix=secret.prefix,
                owner=owner,
                label=label,
                scopes=checked_scopes(tuple(scopes) if scopes is not None else None),
                state="active",
                created=now,
                created_by=passage.principal.name,
                expires=expires,
                last_used=None,
                budget_microdollars=budget.microdollars if budget else None,
                budget_window=budget.window if budget else None,
            )
            await store.insert_key(conn, key, owner=account.id, hashed=secret_hash(secret.token))
            await put_of_key(conn, key, by=passage.principal.name)
            return NewKey(key=key, token=secret.token)

    async def find(self, prefix: str) -> ApiKey:
        """The key, or NotFoundError; `sp_PREFIX` is understood too, a whole token never needed."""
        async with store.transaction(self._changes.pool) as conn:
            return await _key(conn, prefix)

    async def list_all(self, *, owner: str | None = None) -> list[ApiKey]:
        """Keys, newest first."""
        async with store.transaction(self._changes.pool) as conn:
            return await store.keys(conn, owner=owner)

    async def disable(self, passage: Passage, prefix: str) -> ApiKey:
        """Refused until enabled again."""
        return await self._set(passage, prefix, "disable", state="disabled")

    async def enable(self, passage: Passage, prefix: str) -> ApiKey:
        """Works again; a revoked key never does."""
        return await self._set(passage, prefix, "enable", state="active")

    async def revoke(self, passage: Passage, prefix: str) -> ApiKey:
        """Refused for good; the row stays because the record points at it."""
        return await self._set(passage, prefix, "revoke", state="revoked")

    async def set_budget(self, passage: Passage, prefix: str, budget: Budget | None) -> ApiKey:
        """Change or lift what the key may spend; what was spent stays counted."""
        _check_budget(budget)
        async with self._changes.begin(passage, "admin.key.budget") as conn:
            key = await _key(conn, prefix)
            await store.set_key_budget(
                conn, key.prefix, budget.microdollars if budget else None, budget.window if budget else None
            )
            changed = await _key(conn, prefix)
            await put_of_key(conn, changed, by=passage.principal.name)
            return changed

    async def _set(self, passage: Passage, prefix: str, verb: str, *, state: str) -> ApiKey:
        async with self._changes.begin(passage, f"admin.key.{verb}") as conn:
            key = await _key(conn, prefix)
            if key.state == "revoked" and state != "revoked":
                raise ConflictError(f"The key {key.prefix} is revoked for good.", remedy="Create a new one.")
            await store.set_key_state(conn, key.prefix, state)
            return await _key(conn, prefix)


def _check_budget(budget: Budget | None) -> None:
    if budget is not None and not 0 <= budget.microdollars <= MAX_BUDGET:
        raise InputError(
            f"A budget is 0 to {MAX_BUDGET} microdollars.",
            remedy="Write whole microdollars.",
            code="invalid_budget",
        )


async def _key(conn: store.Connection, prefix: str) -> ApiKey:
    found = await store.keys(conn, prefix=prefix.removeprefix("sp_")[:10])
    if not found:
        raise NotFoundError(f"There is no key {prefix[:13]!r}.", remedy="See `sallyport key list`.")
    return found[0]
