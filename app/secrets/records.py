"""Rows of the secret tables as they leave the store, and what people are shown of them."""

from datetime import datetime
from typing import Literal

import msgspec

from app.secrets.box import Identity, Sealed

KeyState = Literal["current", "previous", "retired"]


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a master key."""

    id: str
    state: KeyState
    source: str
    salt: bytes
    handover: bytes
    created: datetime
    created_by: str


class CatalogueRow(msgspec.Struct, frozen=True, kw_only=True):
    """The one row that every change bumps."""

    revision: int
    tag: bytes


class SecretRow(msgspec.Struct, frozen=True, kw_only=True):
    """A secret without its boxes; `version` is the current one."""

    name: str
    purpose: str
    version: int
    deleted: bool
    created: datetime
    created_by: str
    tag: bytes
    recipients: tuple[str, ...]


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version with its boxes, which are empty once it is destroyed."""

    name: str
    version: int
    wrapped: bytes
    value: bytes
    created: datetime
    created_by: str

    @property
    def sealed(self) -> Sealed:
        """Its boxes."""
        return Sealed(wrapped=self.wrapped, value=self.value)

    def identity(self, purpose: str) -> Identity:
        """The row that its boxes belong to."""
        return Identity(name=self.name, version=self.version, purpose=purpose)


class StoredSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as people see it: everything but its value. `problem` says why it cannot be used."""

    name: str
    purpose: str
    version: int
    created: datetime
    created_by: str
    changed: datetime
    changed_by: str
    recipients: tuple[str, ...]
    used_by: tuple[str, ...]
    problem: str = ""


class SecretVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a secret's history."""

    version: int
    state: Literal["current", "previous", "destroyed"]
    created: datetime
    created_by: str
    key: str


class MasterKeyState(msgspec.Struct, frozen=True, kw_only=True):
    """A master key as people see it."""

    id: str
    state: KeyState
    source: str
    created: datetime
    created_by: str
    here: bool


class SecretsCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What `check` found: `problems` is empty when every secret opens and nothing was put back."""

    secrets: int
    versions: int
    keys: tuple[MasterKeyState, ...]
    problems: tuple[str, ...]


class Rekeyed(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a rekey: from and to which master key, and how many data keys have a new box."""

    before: str
    after: str
    versions: int
