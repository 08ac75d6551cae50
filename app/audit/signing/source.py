"""What sealing needs of the place where the record's keys are: files here, or a device that never gives them away."""

from collections.abc import Collection, Sequence
from typing import Protocol

from app.audit.tlog.note import VerifierKey
from app.audit.tlog.signing import Signer
from app.core.errors import ConfigError


class KeySource(Protocol):
    """Where the profile says the keys are. Every method may wait for a disk or a device: ask on a thread."""

    @property
    def place(self) -> str:
        """Where that is, for people."""
        ...

    def load(self) -> Sequence[Signer]:
        """The signers that are there, oldest first, none if there is none yet; ConfigError when they cannot be used."""
        ...

    def create(self, name: str) -> Sequence[Signer]:
        """The first keys of a log that has none; ConfigError says who has to make them when this place cannot."""
        ...

    def successors(self, old: Sequence[Signer]) -> Sequence[Signer]:
        """Keys to take over from these; ConfigError says who has to make them when this place cannot."""
        ...

    def stage(self, new: Sequence[Signer]) -> None:
        """Keep safe what is about to take over."""
        ...

    def take_over(self, keys: Collection[str]) -> bool:
        """The log says that these verifier keys sign now: use them, if they were staged; whether that was so."""
        ...

    def remember(self, statement: str) -> None:
        """Keep a statement about keys outside the database as well."""
        ...


def newest_of(signers: Sequence[Signer]) -> list[Signer]:
    """The last signer of each kind, Ed25519 first."""
    kinds = {one.key.algorithm: one for one in signers}
    return [kinds[kind] for kind in sorted(kinds)]


def known_keys(source: KeySource) -> list[VerifierKey]:
    """The public halves of the keys that this node has; none when it cannot use them, which is another's alarm."""
    try:
        return public_keys(source.load())
    except ConfigError:
        return []


def public_keys(signers: Sequence[Signer]) -> list[VerifierKey]:
    """The public halves."""
    return [one.key for one in signers]
