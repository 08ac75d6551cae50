"""Credentials that were verified a moment ago, and addresses that keep sending bad ones. Both are bounded."""

import ipaddress
from collections import OrderedDict

import msgspec

from app.core.clock import Clock
from app.core.principal import Principal
from app.identity.change import Version

BELIEVED_FOR = 60.0
"""Seconds after which a cached credential is looked up again even if nothing changed."""

_ADDRESSES = 8_192


class _Entry(msgspec.Struct, frozen=True):
    principal: Principal
    epoch: int
    until: float


class VerifiedCache:
    """By SHA-256 of the token; void as soon as any identity changed. Refusals are never kept."""

    def __init__(self, *, version: Version, clock: Clock, size: int = 20_000) -> None:
        self._version = version
        self._clock = clock
        self._size = size
        self._entries: dict[bytes, _Entry] = {}

    @property
    def epoch(self) -> int:
        """Take it before reading the database, and hand it to `put`."""
        return self._version.epoch

    def seen(self, version: int) -> None:
        """Identities are at this version in the database."""
        self._version.seen(version)

    def get(self, key: bytes) -> Principal | None:
        """Who this was, if that still holds."""
        entry = self._entries.get(key)
        if entry is None or entry.epoch != self._version.epoch:
            return None
        return (
            entry.principal
            if self._clock.monotonic() < min(entry.until, self._version.trusted_until)
            else None
        )

    def known(self, key: bytes) -> bool:
        """Whether this was good when last looked up; it may be looked up again wherever it comes from."""
        return key in self._entries

    def put(self, key: bytes, principal: Principal, *, epoch: int, seconds: float) -> None:
        """Believe this for `seconds` at most."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = _Entry(principal, epoch, self._clock.monotonic() + min(seconds, BELIEVED_FOR))

    def drop(self, key: bytes) -> None:
        """It is no good any more."""
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)


class Misses:
    """Bad credentials per peer: a /64 counts as one address, because one host may own it all."""

    def __init__(self, *, clock: Clock, allowed: int = 30, seconds: float = 60.0) -> None:
        self._clock = clock
        self._allowed = allowed
        self._seconds = seconds
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def too_many(self, address: str) -> bool:
        """Whether this peer must wait before anything it sends is looked at."""
        count, since = self._counts.get(_peer(address), (0, 0.0))
        return count >= self._allowed and self._clock.monotonic() < since + self._seconds

    def add(self, address: str) -> None:
        """One more bad credential from there."""
        peer, now = _peer(address), self._clock.monotonic()
        count, since = self._counts.pop(peer, (0, now))
        if now >= since + self._seconds:
            count, since = 0, now
        self._counts[peer] = (count + 1, since)
        if len(self._counts) > _ADDRESSES:
            self._counts.popitem(last=False)


def _peer(address: str) -> str:
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
