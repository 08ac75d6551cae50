"""Managed settings of Claude Code by role and group: read from the profile and its files, versioned by their digest."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from app.config.gateway.clients import ManagedSettings
from app.core import jsonsafe
from app.core.canonical import canonical, digest
from app.core.errors import ConfigError, InputError
from app.core.principal import Principal

FILE_LIMIT = 256 * 1024


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the profile as it is now."""

    name: str
    values: dict[str, Any]
    text: bytes
    sha256: str


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody gets, and of which parts it is made."""

    settings: dict[str, Any]
    checksum: str
    parts: tuple[Part, ...]

    def answer(self) -> bytes:
        """The body that Claude Code reads."""
        uuid = str(UUID(hex=self.checksum.rpartition(":")[2][:32]))
        return msgspec.json.encode({"uuid": uuid, "checksum": self.checksum, "settings": self.settings})


class Managed:
    """All entries; a file is read again when it has changed. ConfigError names what cannot be used."""

    def __init__(self, entries: Mapping[str, ManagedSettings], *, folder: Path) -> None:
        self._entries = dict(entries)
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, int, int], Part]] = {}
        for name in self._entries:
            self._part(name)

    def of(self, principal: Principal) -> Served | None:
        """The settings of this principal; None when no entry is for them."""
        parts = tuple(self._part(name) for name in self._fitting(principal))
        if not parts:
            return None
        settings: dict[str, Any] = {}
        for part in parts:
            settings = merged(settings, part.values)
        return Served(settings=settings, checksum=digest(canonical(settings)), parts=parts)

    def _fitting(self, principal: Principal) -> Iterator[str]:
        for name, entry in self._entries.items():
            fits_role = not entry.roles or not set(entry.roles).isdisjoint(principal.roles)
            if fits_role and (not entry.groups or not set(entry.groups).isdisjoint(principal.groups)):
                yield name

    def _part(self, name: str) -> Part:
        entry = self._entries[name]
        if not entry.file:
            return _part(name, entry.values, canonical(entry.values))
        path = self._folder / entry.file
        try:
            stat = path.stat()
            seen = stat.st_ino, stat.st_mtime_ns, stat.st_size
            if name not in self._read or self._read[name][0] != seen:
                self._read[name] = seen, self._load(name, path, entry)
        except (OSError, InputError) as error:
            raise ConfigError(
                f"clients.settings.{name}: {path} cannot be used ({error}).",
                remedy="It must be a JSON object in the form of Claude Code's managed-settings.json.",
            ) from None
        return self._read[name][1]

    def _load(self, name: str, path: Path, entry: ManagedSettings) -> Part:
        with path.open("rb") as file:
            text = file.read(FILE_LIMIT + 1)
        if len(text) > FILE_LIMIT:
            raise InputError(f"it is larger than {FILE_LIMIT} bytes")
        return _part(name, merged(jsonsafe.decode_object(text), entry.values), text)


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Objects are joined, lists are added to, and of single values the later one holds."""
    both = dict(one)
    for name, value in other.items():
        before = both.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            both[name] = merged(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            both[name] = [*before, *(item for item in value if item not in before)]
        else:
            both[name] = value
    return both


def _part(name: str, values: dict[str, Any], text: bytes) -> Part:
    return Part(name=name, values=values, text=text, sha256=digest(text))
