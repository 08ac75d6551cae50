"""Keys inside a device that signs and never gives them away: an extension's RecordSigner, held to what it says."""

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from app.audit.signing.statements import remember
from app.audit.tlog.note import COSIGNATURE_ML_DSA_44, ED25519, KEY_BYTES, VerifierKey, check_name
from app.audit.tlog.signing import Signer, verify_bare
from app.core.errors import ConfigError, ProofError, SignerError
from app.extensions import RecordKey, RecordSigner

_KINDS = {"ed25519": ED25519, "ml-dsa-44": COSIGNATURE_ML_DSA_44}
_MOST = 64
PATIENCE = 20.0
"""Seconds that a device may take for one answer."""
Answer = TypeVar("Answer")


class DeviceSigner:
    """One key of a device. SignerError unless the device gave a signature that verifies."""

    def __init__(self, source: "DeviceKeys", key: VerifierKey, named: RecordKey) -> None:
        self._source = source
        self._key = key
        self._named = named

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """The bare signature of these very bytes."""
        signature = self._source.ask(lambda device: device.sign(self._named, message))
        try:
            verify_bare(self._key, signature, message)
        except ProofError:
            raise SignerError(
                f"What {self._source.place} signs does not verify by the key {self._key.id.hex()} that it names.",
                remedy="Give back the device that holds the key of this log.",
            ) from None
        return signature


class DeviceKeys:
    """A KeySource over a device, which is opened when it is needed, and again after it has failed."""

    def __init__(
        self,
        *,
        extension: str,
        origin: str,
        folder: Path,
        device: Callable[[], RecordSigner],
        patience: float = PATIENCE,
    ) -> None:
        if not origin:
            raise ConfigError(
                f"record.keys: extension:{extension} needs the name of the log.",
                remedy="Set record.origin; `sallyport audit keys` shows the name of a log that has begun.",
            )
        self.place = f"extension:{extension}"
        self._name = f"{origin}/audit"
        self._folder = folder / "keys" / "record"
        self._open = device
        self._patience = patience
        self._device: RecordSigner | None = None
        self._asking: threading.Thread | None = None
        self._one = threading.Lock()

    def ask(self, question: Callable[[RecordSigner], Answer]) -> Answer:
        """What the device says; SignerError whatever goes wrong with it."""
        answer: Future[Answer] = Future()
        with self._one:
            if self._asking is not None and self._asking.is_alive():
                raise self._failed("an earlier question is still not answered")
            # A thread that nobody waits for at the end: a device that hangs must not keep the process from ending.
            self._asking = threading.Thread(target=self._answer, args=(question, answer), daemon=True)
            self._asking.start()
            try:
                return answer.result(self._patience)
            except SignerError:
                self._device = None
                raise
            except TimeoutError:
                self._device = None
                raise self._failed(f"no answer within {self._patience:g} seconds") from None
            except Exception as error:  # a stranger's code: any failure of it means that nothing is signed
                self._device = None
                raise self._failed(f"{type(error).__name__}: {error}") from error

    def _answer(self, question: Callable[[RecordSigner], Answer], answer: "Future[Answer]") -> None:
        try:
            self._device = device = self._device or self._open()
            answer.set_result(question(device))
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            answer.set_exception(error)

    def _failed(self, why: str) -> SignerError:
        return SignerError(
            f"{self.place} does not sign ({why}); nothing is sealed by this node.",
            remedy="Bring the device back; sealing goes on by itself.",
        )

    def load(self) -> Sequence[Signer]:
        """A signer for each key that the device names."""
        found = [self._signer(named) for named in self.ask(lambda device: list(device.keys)[:_MOST])]
        if found and not any(one.key.algorithm == ED25519 for one in found):
            raise SignerError(
                f"{self.place} has no Ed25519 key.", remedy="Make one in it; ML-DSA-44 comes beside it."
            )
        return found

    def _signer(self, named: RecordKey) -> DeviceSigner:
        try:
            check_name(self._name)
        except ProofError as error:
            raise ConfigError(f"record.origin: {error.message}", remedy="Correct it.") from None
        kind = _KINDS.get(named.algorithm)
        if kind is None or len(named.public) != KEY_BYTES[kind]:
            raise SignerError(
                f"{self.place} names a key of a kind or length that is not known here.",
                remedy="Keys are of ed25519 (32 bytes) or ml-dsa-44 (1312 bytes).",
            )
        return DeviceSigner(self, VerifierKey(self._name, kind, bytes(named.public)), named)

    def create(self, name: str) -> Sequence[Signer]:
        """A device's keys are not made here."""
        raise SignerError(
            f"{self.place} names no key.", remedy="Make an Ed25519 key in the device, with its own tool."
        )

    def successors(self, old: Sequence[Signer]) -> Sequence[Signer]:
        """The keys that the device names behind these."""
        new: list[Signer] = []
        for one in old:
            kind = [signer for signer in self.load() if signer.key.algorithm == one.key.algorithm]
            keys = [signer.key for signer in kind]
            new += kind[keys.index(one.key) + 1 :] if one.key in keys else []
        if not new:
            raise ConfigError(
                f"{self.place} names no key but those that sign now.",
                remedy="Make the new keys in the device, with its own tool, then rotate.",
            )
        return new

    def stage(self, new: Sequence[Signer]) -> None:
        """The device has them."""

    def take_over(self, keys: Collection[str]) -> bool:
        """The device has them, or has not."""
        return False

    def remember(self, statement: str) -> None:
        """Keep a statement about keys outside the database as well."""
        remember(self._folder, statement)
