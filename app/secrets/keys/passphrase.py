"""The master key from a passphrase: Argon2id (RFC 9106), the salt remembered by the database."""

import os
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.core.errors import MasterKeyError
from app.extensions import KnownKey
from app.secrets.box import KEY_BYTES, Random
from app.secrets.keys.software import SoftwareKey

MEMORY_KIB, ITERATIONS, LANES = 262_144, 3, 4
"""Once at each start: 256 MiB and three passes, so that a stolen database costs its guesser dearly."""
SHORTEST = 16
_SALT = 16

Ask = Callable[[bool], str]
"""The passphrase, from a terminal, a descriptor or a variable; `True` asks for a new one."""


class PassphraseSource:
    """Asks once and keeps what it derived, never the passphrase itself."""

    def __init__(self, ask: Ask, *, random: Random = os.urandom, memory_kib: int = MEMORY_KIB) -> None:
        self._ask = ask
        self._random = random
        self._memory = memory_kib
        self._made: dict[str, SoftwareKey] = {}
        self._tried: set[str] = set()

    def ready(self) -> None:
        """Asked for when the first secret is set."""

    def find(self, known: Sequence[KnownKey]) -> list[SoftwareKey]:
        """The keys that this passphrase makes with the salts that are known."""
        missing = [fact for fact in known if fact.salt and fact.id not in self._tried]
        if missing:
            passphrase = self._ask(False)
            for fact in missing:
                self._tried.add(fact.id)
                key = self._derive(passphrase, fact.salt)
                if key.id == fact.id:
                    self._made[key.id] = key
        found = [self._made[fact.id] for fact in known if fact.id in self._made]
        if missing and not found:
            self._tried.clear()
            raise MasterKeyError(
                "The passphrase is not the one that the secrets are sealed with.", remedy="Try again."
            )
        return found

    def make(self) -> SoftwareKey:
        """A key from a new passphrase."""
        passphrase = self._ask(True)
        if len(passphrase) < SHORTEST:
            raise MasterKeyError(
                f"The passphrase is shorter than {SHORTEST} characters.",
                remedy="Take six random words or more.",
            )
        key = self._derive(passphrase, self._random(_SALT))
        self._made[key.id] = key
        self._tried.add(key.id)
        return key

    def adopt(self, key: bytes) -> SoftwareKey:
        """Held in memory; the next start asks for the new passphrase."""
        adopted = SoftwareKey(key)
        self._made[adopted.id] = adopted
        return adopted

    def forget(self, ids: Sequence[str]) -> None:
        """Drop what was derived."""
        for key_id in ids:
            self._made.pop(key_id, None)

    def _derive(self, passphrase: str, salt: bytes) -> SoftwareKey:
        kdf = Argon2id(
            salt=salt, length=KEY_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=self._memory
        )
        return SoftwareKey(kdf.derive(passphrase.encode("utf-8", "surrogatepass")), salt=salt)
