"""Setting and removing budgets: governed changes, under the lock of identities, noticed by every node."""

import re
from typing import cast

import msgspec

from app.core.errors import InputError, NotFoundError
from app.core.passage import Passage
from app.identity import store as identity_store
from app.identity.budgets import store
from app.identity.budgets.records import Budget, Period, Spending, SubjectKind, Unit
from app.identity.change import Changes
from app.identity.names import checked_name

MOST = 10**15
"""In microdollars a thousand million dollars, far from the edge of bigint."""

OF_KEYS = "key-"
"""How the budget begins that `key budget` sets; the key's prefix follows."""

_PATTERN = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9*?._:/@+-]{0,127}", re.ASCII)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A budget as somebody asks for it."""

    name: str
    subject_kind: SubjectKind
    subject: str = ""
    apart: bool = False
    models: tuple[str, ...] = ()
    unit: Unit = "microdollars"
    hard: int | None = None
    soft: tuple[int, ...] = ()
    period: Period = "month"
    zone: str = "UTC"
    rolling: bool = False


class BudgetStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and what was spent under it: in the present windows, or lately."""

    budget: Budget
    spending: tuple[Spending, ...]


class Definitions:
    """Actions are `admin.budget.…`."""

    def __init__(self, *, changes: Changes) -> None:
        self._changes = changes

    async def put(self, passage: Passage, wanted: Wanted) -> Budget:
        """Set a budget, or replace the one of that name; what was spent stays counted if the window is the same."""
        _check(wanted)
        async with self._changes.begin(passage, "admin.budget.set") as conn:
            if not await store.zone_known(conn, wanted.zone):
                raise InputError(
                    f"There is no time zone {wanted.zone[:60]!r}.",
                    remedy="Name one such as UTC or Europe/Berlin.",
                    code="invalid_budget",
                )
            budget = Budget(
                **msgspec.structs.asdict(wanted),
                created=self._changes.clock.now(),
                created_by=passage.principal.name,
            )
            await store.put(conn, budget, subject=await _subject(conn, wanted))
            return await _found(conn, wanted.name)

    async def remove(self, passage: Passage, name: str) -> None:
        """No call is held by it any more; what it counted is forgotten, the record keeps every cost."""
        _check_own(name)
        async with self._changes.begin(passage, "admin.budget.remove") as conn:
            if not await store.remove(conn, name):
                raise _unknown(name)

    async def find(self, name: str) -> Budget:
        """The budget, or NotFoundError."""
        async with identity_store.transaction(self._changes.pool) as conn:
            return await _found(conn, name)

    async def list_all(self) -> list[Budget]:
        """All budgets by name."""
        async with identity_store.transaction(self._changes.pool) as conn:
            return await store.budgets(conn)

    async def standing(self, name: str | None = None) -> list[BudgetStanding]:
        """Budgets with their present windows."""
        async with identity_store.transaction(self._changes.pool) as conn:
            found = [await _found(conn, name)] if name is not None else await store.budgets(conn)
            spent = await store.spending(conn, name, now=self._changes.clock.now())
        return [
            BudgetStanding(budget=one, spending=tuple(row for row in spent if row.budget == one.name))
            for one in found
        ]


async def _subject(conn: identity_store.Connection, wanted: Wanted) -> str:
    """What calls are compared with; NotFoundError when nobody is meant."""
    name = wanted.subject
    if wanted.subject_kind == "everyone":
        return ""
    if wanted.subject_kind == "group":
        if await identity_store.groups(conn, name=name):
            return name
        raise NotFoundError(f"There is no group {name[:80]!r}.", remedy="See `sallyport group list`.")
    if wanted.subject_kind == "key":
        if await identity_store.keys(conn, prefix=name):
            return name
        raise NotFoundError(f"There is no key {name[:13]!r}.", remedy="See `sallyport key list`.")
    account = await identity_store.account(conn, name)
    if account is None or account.state == "deleted" or account.kind != wanted.subject_kind:
        raise NotFoundError(
            f"There is no {wanted.subject_kind} {name[:80]!r}.",
            remedy="See `sallyport user list` and `sallyport service list`.",
        )
    return str(account.id)


async def _found(conn: identity_store.Connection, name: str) -> Budget:
    found = await store.budgets(conn, name)
    if not found:
        raise _unknown(name)
    return found[0]


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no budget {name[:80]!r}.", remedy="See `sallyport budget list`.")


def _check(wanted: Wanted) -> None:
    checked_name(wanted.name, what="budget")
    _check_own(wanted.name)
    amounts = [*wanted.soft, *(() if wanted.hard is None else (wanted.hard,))]
    wrong = ""
    if not amounts:
        wrong = "A budget has a hard limit, soft limits or both"
    elif any(not 0 <= amount <= MOST for amount in amounts) or 0 in wanted.soft:
        wrong = f"A limit is 0 to {MOST}, a soft one 1 or more"
    elif len(wanted.soft) > 8 or len(set(wanted.soft)) != len(wanted.soft):
        wrong = "There are at most 8 soft limits, each another"
    elif wanted.rolling and wanted.period == "total":
        wrong = "Only a window that ends can roll"
    elif wanted.apart and wanted.subject_kind not in ("everyone", "group"):
        wrong = "Only a budget of a group or of everyone can be for each of them apart"
    elif (wanted.subject_kind == "everyone") != (not wanted.subject):
        wrong = "A budget has one subject"
    elif len(wanted.models) > 32 or not all(_PATTERN.fullmatch(model) for model in wanted.models):
        wrong = "Models are at most 32 names or patterns such as claude-*"
    if wrong:
        raise InputError(f"{wrong}.", remedy="See `sallyport budget set --help`.", code="invalid_budget")


def _check_own(name: str) -> None:
    if name.startswith(OF_KEYS):
        raise InputError(
            f"Budgets named {OF_KEYS}… are those that keys are made with.",
            remedy=f"Use `sallyport key budget {name.removeprefix(OF_KEYS)[:10] or 'PREFIX'}`.",
            code="invalid_budget",
        )


async def put_of_key(conn: identity_store.Connection, key: identity_store.ApiKey, *, by: str) -> None:
    """Make a key's own budget what its row says, within the caller's change."""
    name = f"{OF_KEYS}{key.prefix}"
    if key.budget_microdollars is None:
        await store.remove(conn, name)
        return
    budget = Budget(
        name=name, subject_kind="key", subject=key.prefix, hard=key.budget_microdollars,
        period=cast("Period", key.budget_window), created=key.created, created_by=by,
    )  # fmt: skip
    await store.put(conn, budget, subject=key.prefix)
