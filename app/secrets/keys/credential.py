"""The master key as a systemd credential (systemd.exec(5), LoadCredentialEncrypted=): sealed to the host or its TPM."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from app.core.errors import MasterKeyError
from app.extensions import KnownKey
from app.secrets.keys.software import SoftwareKey, parse

_MOST = 64 * 1024


class CredentialSource:
    """Reads `$CREDENTIALS_DIRECTORY/NAME`, in the form of a key file; systemd keeps it, so it is never written."""

    def __init__(self, name: str, *, environment: Mapping[str, str]) -> None:
        self._name = name
        self._folder = environment.get("CREDENTIALS_DIRECTORY", "")

    def ready(self) -> None:
        """Whoever keeps the unit makes it."""

    def find(self, known: Sequence[KnownKey]) -> list[SoftwareKey]:
        """Every key in the credential, the newest last."""
        if not self._folder:
            raise MasterKeyError(
                "There are no systemd credentials here.",
                remedy=f"Put LoadCredentialEncrypted={self._name} into the unit, or set secrets.master_key: file.",
            )
        path = Path(self._folder) / self._name
        try:
            with path.open("rb") as file:
                text = file.read(_MOST).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "it is not text"
            raise MasterKeyError(
                f"The credential {self._name} cannot be read ({reason}).",
                remedy="Make it by `sallyport secret new-key | systemd-creds encrypt --name=… - …`.",
            ) from None
        return parse(text, source=f"The credential {self._name}")

    def make(self) -> SoftwareKey:
        """Only whoever keeps the unit can add a key."""
        raise MasterKeyError(
            f"The credential {self._name} holds no key that was not used before.",
            remedy="Add a line of `sallyport secret new-key` at its end, encrypt it again, and restart the unit.",
        )

    def adopt(self, key: bytes) -> SoftwareKey:
        """Held in memory until the credential has it too."""
        return SoftwareKey(key)

    def forget(self, ids: Sequence[str]) -> None:
        """Nothing here can change a credential."""
