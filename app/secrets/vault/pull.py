"""One look into a vault: what differs from the store is set or rotated there, as by hand."""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

import msgspec

from app.core.errors import EgressError, SallyportError, SecretError, UpstreamError
from app.core.passage import Passage
from app.secrets.room import Secrets
from app.secrets.vault.client import Found

Admit = Callable[[str, str, dict[str, Any]], AbstractAsyncContextManager[Passage]]
"""A governed call of the server itself: the verb of `admin.secret.…`, the secret, and what is to be recorded with it."""


class Reads(Protocol):
    """The server, as far as a pull needs it."""

    name: str

    async def read(self, path: str) -> Found | None:
        """What stands at a path."""
        ...


class VaultStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the last look went; `problems` are of single secrets, which stay what they were."""

    name: str
    state: Literal["not looked yet", "stands by", "well", "incomplete", "away"] = "not looked yet"
    why: str = ""
    problems: Mapping[str, str] = {}
    pulled: Mapping[str, int] = {}
    """Secret to the version that it has in the vault."""


class Pull:
    """Nothing here is ever deleted: what is gone from the vault, or cannot be read, stays as it was."""

    def __init__(
        self,
        *,
        client: Reads,
        wanted: Mapping[str, str],
        secrets: Secrets,
        admit: Admit,
        leads: Callable[[], Any],
        tell: Callable[[VaultStatus], None],
    ) -> None:
        self.status = VaultStatus(name=client.name)
        self._client = client
        self._wanted = wanted
        self._secrets = secrets
        self._admit = admit
        self._leads = leads
        self._tell = tell
        self._turn = asyncio.Lock()

    async def step(self) -> None:
        """Look once, if no other node does; whoever is told hears of each change of state."""
        async with self._turn:
            await self._step()

    async def _step(self) -> None:
        before = self.status
        if await self._leads() is None:
            self.status = VaultStatus(name=before.name, state="stands by")
            return
        try:
            problems, pulled = await self._all()
        except (UpstreamError, EgressError, SecretError) as error:
            self.status = VaultStatus(name=before.name, state="away", why=str(error), pulled=before.pulled)
        else:
            state = "incomplete" if problems else "well"
            self.status = VaultStatus(name=before.name, state=state, problems=problems, pulled=pulled)
        if (before.state, before.problems) != (self.status.state, self.status.problems):
            self._tell(self.status)

    async def _all(self) -> tuple[dict[str, str], dict[str, int]]:
        problems: dict[str, str] = {}
        pulled: dict[str, int] = {}
        read: dict[str, Found | None] = {}
        for name, place in self._wanted.items():
            path, _, key = place.rpartition("#")
            if path not in read:
                try:
                    read[path] = await self._client.read(path)
                except SecretError as error:
                    problems[name] = str(error)
                    continue
            found = read[path]
            value = found.values.get(key) if found is not None else None
            if found is None or not isinstance(value, str):
                problems[name] = _lacking(place, found, value)
                continue
            try:
                await self._kept(name, value.encode(), found.version)
            except SallyportError as error:
                problems[name] = str(error)
            else:
                pulled[name] = found.version
        if problems and not pulled and all(path not in read for path in map(_path, self._wanted.values())):
            raise SecretError(next(iter(problems.values())))
        return problems, pulled

    async def _kept(self, name: str, value: bytes, version: int) -> None:
        """Set or rotate, unless it is the same."""
        await self._secrets.catalogue.follow()
        now = self._secrets.catalogue.snapshot
        held = now.opened.get(name)
        if held is not None and hmac.compare_digest(held.value, value):
            return
        about = {"vault": self._client.name, "version": version}
        if held is None and name not in now.problems:
            async with self._admit("set", name, about) as passage:
                await self._secrets.set(passage, name, value, purpose=f"from the vault {self._client.name}")
        else:
            async with self._admit("rotate", name, about) as passage:
                await self._secrets.rotate(passage, name, value)


def _path(place: str) -> str:
    return place.rpartition("#")[0]


def _lacking(place: str, found: Found | None, value: object) -> str:
    path, _, key = place.rpartition("#")
    if found is None:
        return f"there is nothing at {path}"
    if not found.values:
        return f"version {found.version} of {path} was deleted there"
    return f"{path} has no {key}" if value is None else f"{key} of {path} is not text"
