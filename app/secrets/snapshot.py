"""The catalogue opened and proven, as one immutable view: what each secret is now, or why it cannot be used."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from app.core.canonical import canonical
from app.core.errors import BoxError, MasterKeyError
from app.extensions import MasterKey
from app.secrets.box import open_sealed
from app.secrets.records import CatalogueRow, KeyRow, SecretRow, VersionRow

_CHANGED = "its row, grants or boxes were changed by somebody else than Sallyport"
_PUT_BACK = "rows of the catalogue were put back, removed or changed by somebody else than Sallyport"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All rows, as of one moment."""

    catalogue: CatalogueRow
    keys: Sequence[KeyRow]
    secrets: Sequence[SecretRow]
    versions: Sequence[VersionRow]

    @property
    def current_key(self) -> KeyRow | None:
        """The master key that seals now; None before the first secret."""
        return next((key for key in self.keys if key.state == "current"), None)

    def versions_of(self, name: str) -> list[VersionRow]:
        """The versions of one secret that are kept, the oldest first."""
        return [version for version in self.versions if version.name == name]


class Opened:
    """A secret that can be used: its current value, and the one before it, which is still redacted."""

    __slots__ = ("name", "recipients", "value", "values", "version")

    def __init__(self, row: SecretRow, values: Mapping[int, bytes]) -> None:
        self.name = row.name
        self.version = row.version
        self.value = values[row.version]
        self.values = tuple(values.values())
        self.recipients = frozenset(row.recipients)

    def __repr__(self) -> str:
        return f"Opened({self.name}@{self.version})"


class Snapshot:
    """`problems` names the secrets that cannot be used; `fault` is about the whole catalogue, and then none can."""

    __slots__ = ("fault", "opened", "problems", "revision")

    def __init__(
        self,
        *,
        revision: int = -1,
        opened: Mapping[str, Opened] | None = None,
        problems: Mapping[str, str] | None = None,
        fault: str = "",
    ) -> None:
        self.revision = revision
        self.opened = dict(opened or {})
        self.problems = dict(problems or {})
        self.fault = fault

    def known(self) -> dict[str, tuple[bytes, ...]]:
        """Values to redact, by name."""
        return {name: secret.values for name, secret in self.opened.items()}

    def moved(self, before: "Snapshot") -> set[str]:
        """The recipients for whom something is different now."""
        names = self.opened.keys() | before.opened.keys()
        return {
            recipient
            for name in names
            for recipient in _moved(self.opened.get(name), before.opened.get(name))
        }


def _moved(now: Opened | None, before: Opened | None) -> Iterable[str]:
    given = now.recipients if now else frozenset[str]()
    had = before.recipients if before else frozenset[str]()
    same = now is not None and before is not None and now.value == before.value
    return given ^ had if same else given | had


def row_tag(master: MasterKey, row: SecretRow, versions: Iterable[VersionRow]) -> bytes:
    """Over the row, its grants and its boxes."""
    boxes = [
        [
            version.version,
            hashlib.sha256(version.wrapped).hexdigest(),
            hashlib.sha256(version.value).hexdigest(),
        ]
        for version in versions
    ]
    facts = [row.name, row.purpose, row.version, row.deleted, sorted(row.recipients), boxes]
    return master.tag(canonical(["sallyport secret row", facts]))


def catalogue_tag(
    master: MasterKey, revision: int, keys: Iterable[KeyRow], tags: Mapping[str, bytes]
) -> bytes:
    """Over every row's tag, the states of the master keys and the revision: none can be put back alone."""
    states = sorted([key.id, key.state] for key in keys)
    rows = sorted([name, tag.hex()] for name, tag in tags.items())
    return master.tag(canonical(["sallyport secret catalogue", revision, states, rows]))


def fault_of(reading: Reading, master: MasterKey) -> str:
    """Why the catalogue as a whole is not to be believed; empty when it is."""
    if not reading.keys:
        return _PUT_BACK if reading.secrets else ""
    tags = {row.name: row.tag for row in reading.secrets}
    expected = catalogue_tag(master, reading.catalogue.revision, reading.keys, tags)
    return "" if hmac.compare_digest(expected, reading.catalogue.tag) else _PUT_BACK


def problem_of(reading: Reading, row: SecretRow, master: MasterKey) -> str:
    """Why one row is not to be believed; empty when it is."""
    expected = row_tag(master, row, reading.versions_of(row.name))
    return "" if hmac.compare_digest(expected, row.tag) else _CHANGED


def open_all(reading: Reading, find: Callable[[str], MasterKey | None]) -> Snapshot:
    """Open everything; MasterKeyError when the current master key is not among those that `find` finds."""
    revision, key = reading.catalogue.revision, reading.current_key
    if key is None:
        return Snapshot(revision=revision, fault=_PUT_BACK if reading.secrets else "")
    master = find(key.id)
    if master is None:
        raise missing_key(key)
    if fault := fault_of(reading, master):
        return Snapshot(revision=revision, fault=fault)
    opened: dict[str, Opened] = {}
    problems: dict[str, str] = {}
    for row in reading.secrets:
        if row.deleted:
            continue
        if problem := problem_of(reading, row, master):
            problems[row.name] = problem
            continue
        try:
            opened[row.name] = _open(reading, row, master)
        except BoxError as error:
            problems[row.name] = error.message
    return Snapshot(revision=revision, opened=opened, problems=problems)


def _open(reading: Reading, row: SecretRow, master: MasterKey) -> Opened:
    values: dict[int, bytes] = {}
    for version in reading.versions_of(row.name):
        try:
            values[version.version] = open_sealed(master, version.identity(row.purpose), version.sealed)
        except BoxError as error:
            raise BoxError(f"version {version.version}: {error.message}", remedy=error.remedy) from None
    if row.version not in values:
        raise BoxError(f"version {row.version}: there is no box of it.", remedy="Restore a backup.")
    return Opened(row, values)


def missing_key(key: KeyRow) -> MasterKeyError:
    """What to say when stored secrets cannot be opened here."""
    return MasterKeyError(
        f"The secrets of this site are sealed with the master key {key.id[:12]} ({key.source}), which is not here.",
        remedy="Put that key back (for a file: keys/master.key of the node that made it), then start again.",
    )
