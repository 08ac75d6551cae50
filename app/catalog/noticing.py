"""A sighting written down: new and changed definitions scanned, their pins moved, in one transaction."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from app.catalog import store
from app.catalog.definition import Definition, Kind
from app.catalog.pins import TRUST_FIRST, Change, First, Mode, Pin, first_seen, gone, seen_again
from app.catalog.scan import Finding, scan
from app.catalog.store import Connection, Judgment, Pool, Version
from app.core.canonical import canonical

VERSIONS = 20
"""Definitions of one name that are kept although nobody judged them."""
_Findings = Mapping[tuple[tuple[str, Kind, str], str], tuple[Finding, ...]]


async def notice(
    pool: Pool,
    server: str,
    definitions: Sequence[Definition],
    *,
    whole: Collection[Kind],
    others: Mapping[str, str],
    mode: Mode,
    now: datetime,
) -> list[Change]:
    """Write what is new about these definitions of one server; what was noticed."""
    findings = await asyncio.to_thread(_scanned, definitions, others)
    async with store.transaction(pool) as conn:
        revision = await store.lock_revision(conn)
        pins = {pin.key: pin for pin in await store.pins_of(conn, server)}
        changes = [
            *await _seen(conn, pins, definitions, findings=findings, mode=mode, now=now),
            *_gone(pins, definitions, whole=whole, now=now),
        ]
        if not changes:
            return []
        await _keep(conn, changes, definitions, findings=findings, now=now)
        trusted = [_trust(change.pin, revision + 1) for change in changes if change.what == "trusted"]
        if trusted:
            await store.insert_judgments(conn, trusted)
        await store.prune(conn, server, VERSIONS)
        await store.set_revision(conn, revision + 1)
    return changes


async def _seen(
    conn: Connection,
    pins: Mapping[tuple[str, Kind, str], Pin],
    definitions: Sequence[Definition],
    *,
    findings: _Findings,
    mode: Mode,
    now: datetime,
) -> list[Change]:
    fresh = [one for one in definitions if (pin := pins.get(one.key)) is None or pin.seen != one.digest]
    if not fresh:
        return []
    server = fresh[0].server
    rejected = await store.rejected(conn, server)
    old = _bodies(await store.documents(conn, server), {one.key[1:] for one in definitions})
    changes: list[Change] = []
    for one in fresh:
        pin, found = pins.get(one.key), findings[one.key, one.digest]
        if pin is None:
            renamed = old.get((one.kind, _body(one.document)), "") if one.kind != "server" else ""
            about = First(mode=mode, findings=found, renamed_from=renamed)
            changes.append(first_seen(one, about, now=now))
        else:
            refused = (one.kind, one.name, one.digest) in rejected
            changes.append(seen_again(pin, one, rejected=refused, findings=found, now=now))
    return changes


def _gone(
    pins: Mapping[tuple[str, Kind, str], Pin],
    definitions: Sequence[Definition],
    *,
    whole: Collection[Kind],
    now: datetime,
) -> list[Change]:
    there = {one.key for one in definitions}
    return [
        gone(pin, now=now)
        for key, pin in pins.items()
        if pin.kind in whole and pin.seen is not None and key not in there
    ]


async def _keep(
    conn: Connection,
    changes: Sequence[Change],
    definitions: Sequence[Definition],
    *,
    findings: _Findings,
    now: datetime,
) -> None:
    changed = {change.pin.key for change in changes if change.what != "removed"}
    versions = [
        Version(
            server=one.server, kind=one.kind, name=one.name, digest=one.digest, document=one.document, first_seen=now,
            findings=msgspec.json.encode(findings[one.key, one.digest]).decode(),
        )
        for one in definitions
        if one.key in changed
    ]  # fmt: skip
    if versions:
        await store.put_versions(conn, versions)
    await store.put_pins(conn, [change.pin for change in changes])


def _scanned(definitions: Iterable[Definition], others: Mapping[str, str]) -> _Findings:
    return {
        (one.key, one.digest): scan(msgspec.json.decode(one.document), name=one.name, others=others)
        for one in definitions
    }


def _trust(pin: Pin, revision: int) -> Judgment:
    return Judgment(
        revision=revision, server=pin.server, kind=pin.kind, name=pin.name, digest=pin.seen or "", verdict="trusted",
        author=TRUST_FIRST, judged=pin.changed,
    )  # fmt: skip


def _bodies(
    documents: Iterable[tuple[str, str, str]], there: Collection[tuple[str, str]]
) -> dict[tuple[str, bytes], str]:
    """Kind and everything but the name, of definitions whose name is not there any more."""
    return {(kind, _body(document)): name for kind, name, document in documents if (kind, name) not in there}


def _body(document: str) -> bytes:
    """A definition without what it is called."""
    members = msgspec.json.decode(document)
    return canonical(
        {key: value for key, value in members.items() if key not in ("name", "uriTemplate", "title")}
    )
