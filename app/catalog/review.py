"""Definitions for people: what waits, what changed, approve or reject. A judgment takes a Passage first."""

import asyncio
from collections.abc import Iterable
from typing import Literal

import msgspec

from app.catalog import store
from app.catalog.definition import Definition, Kind, diff
from app.catalog.pins import Pin
from app.catalog.scan import Finding
from app.catalog.store import Judgment, Pool, Version
from app.core.call import Resource
from app.core.canonical import canonical, digest
from app.core.clock import Clock
from app.core.errors import ConflictError, InputError, NotFoundError
from app.core.passage import Passage

State = Literal["approved", "changed", "new", "rejected", "removed"]
Key = tuple[str, Kind, str]
APPROVE, REJECT = "admin.tool.approve", "admin.tool.reject"
_FINDINGS = msgspec.json.Decoder(tuple[Finding, ...])
_SHORTEST = len("sha256:") + 12


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A name and how it stands; `digest` is what is to be judged, or what is approved."""

    server: str
    kind: Kind
    name: str
    state: State
    digest: str
    findings: tuple[Finding, ...] = ()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that a person needs for a judgment: the judgment is about exactly `digest`."""

    server: str
    kind: Kind
    name: str
    state: State
    digest: str
    approved: str | None
    diff: str
    findings: tuple[Finding, ...]
    judgments: tuple[Judgment, ...]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A judgment that holds now."""

    server: str
    kind: Kind
    name: str
    digest: str
    verdict: Literal["approved", "rejected"]


def resource(key: Key) -> Resource:
    """What policy and the record call a definition."""
    server, kind, name = key
    return Resource("server", server) if kind == "server" else Resource(kind, f"{server}/{name}")


def digest_of_all(lines: Iterable[Standing]) -> str:
    """One digest for all that waits, so that a judgment of all is about exactly what was shown."""
    return digest(canonical(sorted([line.server, line.kind, line.name, line.digest] for line in lines)))


class Review:
    """The definitions in the database."""

    def __init__(self, *, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def pending(self, server: str = "") -> list[Standing]:
        """What waits for a person, of one server or of all."""
        async with store.transaction(self._pool) as conn:
            rows = await store.pending(conn)
            pins = {pin.key: pin for pin in await store.pins(conn)}
        return [
            _standing(pins[row.server, row.kind, row.name], row) for row in rows if server in ("", row.server)
        ]

    async def overview(self, server: str = "") -> list[Standing]:
        """Every name that was ever seen, of one server or of all."""
        async with store.transaction(self._pool) as conn:
            pins = await (store.pins_of(conn, server) if server else store.pins(conn))
            waiting = {(row.server, row.kind, row.name): row for row in await store.pending(conn)}
        return [_standing(pin, waiting.get(pin.key)) for pin in pins]

    async def show(self, key: Key) -> Shown:
        """A definition as it is to be judged, against the approved one."""
        async with store.transaction(self._pool) as conn:
            pin = await _pin(conn, key)
            wanted = pin.pending or pin.seen or pin.approved or ""
            new = await store.version(conn, key, wanted)
            old = await store.version(conn, key, pin.approved) if pin.approved else None
            judgments = await store.judgments(conn, key)
        line = _standing(pin, new)
        told = await asyncio.to_thread(diff, _definition(old), _definition(new))
        return Shown(
            server=pin.server, kind=pin.kind, name=pin.name, state=line.state, digest=wanted, approved=pin.approved,
            diff=told, findings=line.findings, judgments=tuple(judgments),
        )  # fmt: skip

    async def approve(self, passage: Passage, key: Key, given: str) -> Judged:
        """Let exactly this definition be used; ConflictError when another one waits by now."""
        author = _author(passage, APPROVE, resource(key))
        async with store.transaction(self._pool) as conn:
            revision = await store.lock_revision(conn) + 1
            pin = await _pin(conn, key)
            chosen = _matching(pin, given)
            await store.put_pins(conn, [_approved(pin, chosen)])
            await store.set_rejected(conn, key, chosen, value=False)
            await self._judge(conn, revision, (key, chosen), "approved", author)
        return _judged(key, chosen, "approved")

    async def reject(self, passage: Passage, key: Key, given: str) -> Judged:
        """Refuse exactly this definition; the approved one, if there is one, may be used when it is back."""
        author = _author(passage, REJECT, resource(key))
        async with store.transaction(self._pool) as conn:
            revision = await store.lock_revision(conn) + 1
            pin = await _pin(conn, key)
            chosen = _matching(pin, given)
            approved = None if pin.approved == chosen else pin.approved
            await store.put_pins(conn, [msgspec.structs.replace(pin, approved=approved, pending=None)])
            await store.set_rejected(conn, key, chosen, value=True)
            await self._judge(conn, revision, (key, chosen), "rejected", author)
        return _judged(key, chosen, "rejected")

    async def approve_all(self, passage: Passage, server: str, given: str) -> list[Judged]:
        """Approve everything that waits of a server, if it is what `digest_of_all` was made from."""
        author = _author(passage, APPROVE, Resource("server", server))
        async with store.transaction(self._pool) as conn:
            revision = await store.lock_revision(conn) + 1
            pins = {pin.key: pin for pin in await store.pins_of(conn, server) if pin.pending}
            rows = [row for row in await store.pending(conn) if row.server == server]
            lines = [_standing(pins[row.server, row.kind, row.name], row) for row in rows]
            if not lines:
                raise NotFoundError(f"Nothing of {server} waits.", remedy="See `mcp pending`.")
            if not _fits(digest_of_all(lines), given):
                raise _changed()
            await store.put_pins(conn, [_approved(pin, pin.pending or "") for pin in pins.values()])
            for key, pin in pins.items():
                await self._judge(conn, revision, (key, pin.pending or ""), "approved", author)
        return [_judged((line.server, line.kind, line.name), line.digest, "approved") for line in lines]

    async def _judge(
        self,
        conn: store.Connection,
        revision: int,
        about: tuple[Key, str],
        verdict: Literal["approved", "rejected"],
        author: str,
    ) -> None:
        (server, kind, name), chosen = about
        row = Judgment(
            revision=revision, server=server, kind=kind, name=name, digest=chosen, verdict=verdict, author=author,
            judged=self._clock.now(),
        )  # fmt: skip
        await store.insert_judgments(conn, [row])
        await store.set_revision(conn, revision)


async def _pin(conn: store.Connection, key: Key) -> Pin:
    server, kind, name = key
    for pin in await store.pins_of(conn, server):
        if pin.key == key:
            return pin
    raise NotFoundError(
        f"No {kind} {name[:100]!r} of {server[:64]!r} was ever seen.", remedy="See `sallyport mcp pending`."
    )


def _standing(pin: Pin, version: Version | None) -> Standing:
    findings = _FINDINGS.decode(version.findings) if version is not None else ()
    shown = pin.pending or pin.seen or pin.approved or ""
    return Standing(
        server=pin.server, kind=pin.kind, name=pin.name, state=_state(pin), digest=shown, findings=findings
    )


def _state(pin: Pin) -> State:
    if pin.pending is not None:
        return "changed" if pin.approved else "new"
    if pin.seen is None:
        return "removed"
    return "approved" if pin.seen == pin.approved else "rejected"


def _approved(pin: Pin, chosen: str) -> Pin:
    return msgspec.structs.replace(pin, approved=chosen, pending=None)


def _matching(pin: Pin, given: str) -> str:
    """The full digest that was meant: the one that waits, or the one the server shows."""
    for candidate in (pin.pending, pin.seen):
        if candidate is not None and _fits(candidate, given):
            # While something waits, only that can be judged: nothing slips by beside it.
            if pin.pending is not None and candidate != pin.pending:
                break
            return candidate
    raise _changed()


def _fits(digest_: str, given: str) -> bool:
    given = given if given.startswith("sha256:") else f"sha256:{given}"
    if len(given) < _SHORTEST:
        raise InputError(
            "A digest is given with at least 12 of its digits.", remedy="Copy it from `mcp diff`."
        )
    return digest_.startswith(given.lower())


def _changed() -> ConflictError:
    return ConflictError(
        "The definition is not, or no longer, the one with this digest.",
        remedy="Look at the difference again.",
    )


def _definition(version: Version | None) -> Definition | None:
    if version is None:
        return None
    return Definition(
        server=version.server,
        kind=version.kind,
        name=version.name,
        digest=version.digest,
        document=version.document,
    )


def _judged(key: Key, chosen: str, verdict: Literal["approved", "rejected"]) -> Judged:
    server, kind, name = key
    return Judged(server=server, kind=kind, name=name, digest=chosen, verdict=verdict)


def _author(passage: Passage, action: str, about: Resource) -> str:
    """Who judges; a passage for another call is no right to do so."""
    if passage.call.action != action or passage.call.resource != about or passage.settled:
        raise ValueError(
            f"a passage for {passage.call.action} {passage.call.resource} cannot do {action} {about}"
        )
    return f"{passage.principal.kind}:{passage.principal.name}"
