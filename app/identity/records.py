"""Rows of the identity tables as they leave the store."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.core.principal import Principal

AccountKind = Literal["user", "service", "agent"]
BudgetWindow = Literal["day", "month", "total"]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user, service account or agent; `roles` holds those of its groups too."""

    id: UUID
    kind: AccountKind
    name: str
    display_name: str
    state: Literal["active", "disabled", "deleted"]
    created: datetime
    created_by: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]

    def principal(self, *, credential_kind: str, credential_id: str = "", session: str = "") -> Principal:
        """This account as the one who asks, with a credential of its own."""
        return Principal(
            id=str(self.id),
            kind=self.kind,
            name=self.name,
            roles=self.roles,
            groups=self.groups,
            credential_kind=credential_kind,
            credential_id=credential_id,
            session=session,
        )


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A department, project or team, with the names of its members and the roles it gives them."""

    name: str
    description: str
    created: datetime
    created_by: str
    members: tuple[str, ...]
    roles: tuple[str, ...]


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role and who has it directly."""

    name: str
    description: str
    built_in: bool
    accounts: tuple[str, ...]
    groups: tuple[str, ...]


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret. `scopes` None means whatever its owner may do."""

    prefix: str
    owner: str
    label: str
    scopes: tuple[str, ...] | None
    state: Literal["active", "disabled", "revoked"]
    created: datetime
    created_by: str
    expires: datetime | None
    last_used: datetime | None
    budget_microdollars: int | None
    budget_window: BudgetWindow | None
