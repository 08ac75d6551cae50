"""What pages read: rooms as they are, and parts of other doors as plain rows."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from app.audit.reading import Reading
from app.audit.recorder import Recorder
from app.audit.spending import Money
from app.backup.kept import BackupStanding
from app.catalog import Catalog, Review
from app.core.clock import Clock
from app.identity import Identity
from app.policy import Engine, Policies
from app.secrets import Secrets
from app.secrets.signins import SignsIn


class ServerLine(msgspec.Struct, frozen=True, kw_only=True):
    """A tool server; `state` is stopped, starting, ready, backing off, held, stopping or unknown."""

    name: str
    transport: str
    description: str
    state: str
    detail: str


class ModelLine(msgspec.Struct, frozen=True, kw_only=True):
    """A model that clients may name, and where it goes; prices in microdollars per million tokens."""

    name: str
    provider: str
    upstream: str
    dialect: str
    input_price: int
    output_price: int
    labels: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    state: str = ""
    """Empty while it is called as usual, else why not."""
    calls: int = 0
    failures: int = 0


class VaultLine(msgspec.Struct, frozen=True, kw_only=True):
    """A vault that leads secrets: how the last look went, and what is wrong with single ones."""

    name: str
    state: str
    why: str
    secrets: tuple[str, ...]
    problems: Mapping[str, str]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the host or site: `state` is ok, warn or fail."""

    check: str
    state: str
    found: str
    remedy: str = ""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the pages are made from. `stopping` is set when the server drains, so that live views end.

    `client_document` is None where nobody outside can read it.
    """

    identity: Identity
    policies: Policies
    engine: Engine
    catalog: Catalog
    review: Review
    reading: Reading
    money: Money
    recorder: Recorder
    clock: Clock
    servers: Callable[[], Sequence[ServerLine]]
    models: Callable[[], Sequence[ModelLine]]
    secrets: Secrets
    vaults: Callable[[], Sequence[VaultLine]]
    findings: Callable[[], Awaitable[Sequence[Finding]]]
    backups: Callable[[], BackupStanding]
    sign_ins: SignsIn
    client_document: Callable[[], Mapping[str, Any] | None]
    stopping: asyncio.Event
