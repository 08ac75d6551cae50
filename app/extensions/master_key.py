"""The master key that wraps the data keys of secrets: from a file here, inside a device elsewhere (PKCS#11)."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """What the database remembers of a master key: never the key. `salt` is empty unless a passphrase makes it."""

    id: str
    state: str
    salt: bytes = b""


class MasterKey(Protocol):
    """One key. Failure rule: MasterKeyError when the device fails, BoxError when a box does not fit; both deny."""

    @property
    def id(self) -> str:
        """32 hex digits that stand for the key and tell nothing of it."""
        ...

    @property
    def salt(self) -> bytes:
        """What the database has to remember for the key to be made again; empty for most."""
        ...

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        """An authenticated box that opens only with the same `about`."""
        ...

    def unwrap(self, box: bytes, about: bytes) -> bytes:
        """What is in a box of this key."""
        ...

    def tag(self, data: bytes) -> bytes:
        """A 32-byte authentication tag."""
        ...

    def export(self) -> bytes:
        """The key itself, for the node that takes over a new one; empty when it never leaves its device."""
        ...


class MasterKeySource(Protocol):
    """Where keys come from. Failure rule: MasterKeyError; then no secret is opened and `serve` refuses to start."""

    def ready(self) -> None:
        """A first run, with nothing sealed yet: make now what should be there; most do nothing."""
        ...

    def find(self, known: Sequence[KnownKey]) -> Sequence[MasterKey]:
        """The keys that are there, the newest last; none when there is none yet."""
        ...

    def make(self) -> MasterKey:
        """A new key beside those that are there; MasterKeyError says who has to make it when this cannot."""
        ...

    def adopt(self, key: bytes) -> MasterKey:
        """A key that another node made, kept here if this source keeps keys."""
        ...

    def forget(self, ids: Sequence[str]) -> None:
        """Keys that nothing is sealed with any more."""
        ...
