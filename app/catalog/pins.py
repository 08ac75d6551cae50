"""The rules of a change: what a definition that was seen does to the pin of its name. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from app.catalog.definition import Definition, Kind
from app.catalog.scan import Finding, holds

Mode = Literal["approve", "trust-first"]
What = Literal["trusted", "quarantined", "removed", "returned", "reverted"]
TRUST_FIRST = "trust-first"
"""The author of an approval that nobody gave."""


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """One name: the digest a person approved, the one that waits for a person, the one seen last (none: gone)."""

    server: str
    kind: Kind
    name: str
    approved: str | None = None
    pending: str | None = None
    seen: str | None = None
    changed: datetime

    @property
    def key(self) -> tuple[str, Kind, str]:
        """What it is the pin of."""
        return self.server, self.kind, self.name

    @property
    def held(self) -> bool:
        """Whether nothing of this name may be used: a change waits, or what was seen last is not what was approved."""
        return self.pending is not None or self.approved is None or self.seen not in (None, self.approved)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What was noticed about one name."""

    what: What
    pin: Pin
    before: str | None = None
    """The digest seen before."""
    renamed_from: str = ""
    findings: tuple[Finding, ...] = ()


class First(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a definition whose name has no pin yet."""

    mode: Mode
    findings: tuple[Finding, ...] = ()
    renamed_from: str = ""


def first_seen(definition: Definition, about: First, *, now: datetime) -> Change:
    """A name without a pin: trusted when the mode says so and nothing speaks against it, else it waits."""
    trusted = about.mode == TRUST_FIRST and not about.renamed_from and not holds(about.findings)
    pin = Pin(
        server=definition.server,
        kind=definition.kind,
        name=definition.name,
        approved=definition.digest if trusted else None,
        pending=None if trusted else definition.digest,
        seen=definition.digest,
        changed=now,
    )
    what: What = "trusted" if trusted else "quarantined"
    return Change(what=what, pin=pin, renamed_from=about.renamed_from, findings=about.findings)


def seen_again(
    pin: Pin, definition: Definition, *, rejected: bool, findings: Sequence[Finding] = (), now: datetime
) -> Change:
    """A name that has a pin, seen with another digest than last time. A change that waits goes on waiting.

    A version that a person has rejected does not wait again; it is held because it is not the approved one.
    """
    digest, pending, what = definition.digest, pin.pending, "quarantined"
    if digest == pin.approved:
        what = "returned" if pin.seen is None else "reverted"
    elif digest == pin.pending:
        what = "returned" if pin.seen is None else "quarantined"
    elif not rejected:
        pending = digest
    after = msgspec.structs.replace(pin, seen=digest, pending=pending, changed=now)
    return Change(what=what, pin=after, before=pin.seen, findings=tuple(findings))


def gone(pin: Pin, *, now: datetime) -> Change:
    """A name that the server does not list any more; its approval stays for the same definition."""
    after = msgspec.structs.replace(pin, seen=None, changed=now)
    return Change(what="removed", pin=after, before=pin.seen)
