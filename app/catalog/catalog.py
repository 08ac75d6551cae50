"""The pins of this moment, in memory: asked on every call and listing, fed by whoever reads tool servers."""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from app.catalog import store
from app.catalog.definition import Definition, Kind
from app.catalog.noticing import notice
from app.catalog.pins import Change, Mode, Pin
from app.catalog.store import Pool
from app.core.call import Resource
from app.core.clock import Clock

log = logging.getLogger(__name__)

TRUSTED_FOR = 30.0
"""Seconds without a successful look at the database after which nothing is used any more."""
MOST_NAMES = 5_000
"""Names of one server that are pinned; further ones are not used."""
USES = {"tool.call": "tool", "prompt.get": "prompt", "resource.read": "resource", "skill.read": "skill"}
"""The actions that need an approved definition, and the kind of their resource."""
Key = tuple[str, Kind, str]


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What a server showed. Of the kinds in `whole` everything was seen, so that what is missing is gone."""

    server: str
    definitions: tuple[Definition, ...]
    whole: frozenset[Kind] = frozenset()


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Why something may not be used now: a stable reason and a sentence."""

    reason: str
    message: str


class Catalog:
    """`mode` says for a server how a first sight is taken; `announce` is told of every change once it is committed."""

    def __init__(
        self, *, pool: Pool, clock: Clock, mode: Callable[[str], Mode], announce: Callable[[Change], None]
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._mode = mode
        self._announce = announce
        self._trusted_until = -math.inf
        self._refreshing = asyncio.Lock()
        self._noticing = asyncio.Lock()
        self._revision = -1
        self._pins: Mapping[Key, Pin] = {}
        self._held: Mapping[tuple[str, str], Hold] = {}
        self._full: set[str] = set()

    def hold(self, action: str, resource: Resource) -> Hold | None:
        """Why a call may not be made; None if nothing speaks against it, or nothing of it was ever seen."""
        kind = USES.get(action)
        if kind is None:
            return None
        if self._clock.monotonic() > self._trusted_until:
            return Hold(
                reason="catalog_unconfirmed",
                message=f"The approved definitions could not be confirmed for more than {TRUSTED_FOR:.0f} seconds.",
            )
        held = self._held
        if not held:
            return None
        return held.get(("server", resource.name.partition("/")[0])) or held.get((kind, resource.name))

    def usable(self, key: Key, digest: str) -> bool:
        """Whether exactly this definition is approved, and its server's introduction is not held."""
        pin = self._pins.get(key)
        return (
            pin is not None
            and pin.approved == digest
            and pin.pending is None
            and ("server", key[0]) not in self._held
            and self._clock.monotonic() <= self._trusted_until
        )

    def pin(self, key: Key) -> Pin | None:
        """What is known of a name."""
        return self._pins.get(key)

    def pins_of(self, server: str) -> list[Pin]:
        """What is known of a server."""
        return [pin for key, pin in self._pins.items() if key[0] == server]

    def waiting(self) -> int:
        """How many definitions wait for a person."""
        return sum(pin.pending is not None for pin in self._pins.values())

    async def refresh(self) -> bool:
        """Load the pins when they changed; whether they had."""
        async with self._refreshing:
            asked = self._clock.monotonic()
            async with store.transaction(self._pool) as conn:
                current = await store.revision(conn)
                rows = await store.pins(conn) if current != self._revision else None
            if rows is not None:
                self._use(rows)
                self._revision = current
            self._trusted_until = asked + TRUSTED_FOR
            return rows is not None

    async def notice(self, sighting: Sighting) -> None:
        """Take in what a server showed. Nothing is written while it is what was seen last."""
        if self._known(sighting):
            return
        async with self._noticing:
            await self.refresh()
            if self._known(sighting):
                return
            sighting = self._capped(sighting)
            others = self._tools_beside(sighting.server)
            changes = await notice(
                self._pool, sighting.server, sighting.definitions, whole=sighting.whole, others=others,
                mode=self._mode(sighting.server), now=self._clock.now(),
            )  # fmt: skip
            await self.refresh()
        for change in changes:
            self._announce(change)

    def _use(self, rows: list[Pin]) -> None:
        self._pins = {pin.key: pin for pin in rows}
        self._held = {_place(pin): _hold(pin) for pin in rows if pin.held}

    def _known(self, sighting: Sighting) -> bool:
        seen = set()
        for definition in sighting.definitions:
            pin = self._pins.get(definition.key)
            if (pin is None or pin.seen != definition.digest) and not self._beyond(definition):
                return False
            seen.add(definition.key)
        return not any(
            pin.seen is not None and key not in seen
            for key, pin in self._pins.items()
            if key[0] == sighting.server and key[1] in sighting.whole
        )

    def _beyond(self, definition: Definition) -> bool:
        return definition.server in self._full and definition.key not in self._pins

    def _capped(self, sighting: Sighting) -> Sighting:
        """Without new names beyond the limit: a server that invents names fills no table."""
        room = MOST_NAMES - sum(key[0] == sighting.server for key in self._pins)
        kept: list[Definition] = []
        for definition in sighting.definitions:
            new = definition.key not in self._pins
            room -= new
            if not new or room >= 0:
                kept.append(definition)
        if room < 0 and sighting.server not in self._full:
            self._full.add(sighting.server)
            log.warning(
                "catalog: %s shows more than %d names; further ones are not used", sighting.server, MOST_NAMES
            )
        return msgspec.structs.replace(sighting, definitions=tuple(kept))

    def _tools_beside(self, server: str) -> dict[str, str]:
        return {name: other for other, kind, name in self._pins if kind == "tool" and other != server}


def _place(pin: Pin) -> tuple[str, str]:
    """What a resource of policy is called that this pin stands for."""
    return ("server", pin.server) if pin.kind == "server" else (pin.kind, f"{pin.server}/{pin.name}")


def _hold(pin: Pin) -> Hold:
    what: Any = {"server": f"The introduction of {pin.server}"}
    subject = what.get(pin.kind, f"The definition of {pin.kind} {pin.server}/{pin.name}")
    if pin.pending is None:
        said = "is not the approved one"
    elif pin.approved is None:
        said = "waits for a person's approval"
    else:
        said = "has changed; it waits for a person who has seen the difference"
    return Hold(reason=f"{pin.kind}_quarantined", message=f"{subject} {said}.")
