"""Budgets as rows, and what they came to."""

from datetime import datetime
from typing import Literal

import msgspec

SubjectKind = Literal["everyone", "user", "service", "agent", "group", "key"]
Unit = Literal["microdollars", "tokens", "requests"]
Period = Literal["hour", "day", "week", "month", "total"]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a subject may spend in each window. `subject` is the name of an account or group, or a key's prefix.

    With `apart` each of those it concerns has the whole amount for himself. A call is stopped by `hard`; each of
    `soft` makes an event when it is reached. Amounts are microdollars, tokens or requests.
    """

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
    created: datetime
    created_by: str


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """A budget as calls are compared with it; `subject` is an account's id."""

    name: str
    subject_kind: SubjectKind
    subject: str
    apart: bool
    models: tuple[str, ...]
    unit: Unit


class Share(msgspec.Struct, frozen=True):
    """A budget that holds for a call, and whose part of it: empty, or a principal's id."""

    budget: str
    holder: str
    unit: Unit


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent and is held back in the window that began at `starts`; `holder` is an account or empty."""

    budget: str
    holder: str
    starts: datetime
    ends: datetime | None
    spent: int
    reserved: int


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that was reached in a window."""

    budget: str
    holder: str
    starts: datetime
    threshold: int
    amount: int
    unit: Unit
    hard: int | None
    created: datetime
