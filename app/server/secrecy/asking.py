"""The passphrase of the secrets, from wherever this process may get it."""

import getpass
import os
import sys
from collections.abc import Mapping

from app.core.errors import MasterKeyError


class Asking:
    """A passphrase from a descriptor, a variable or the terminal, in this order; a descriptor is read once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._read: dict[str, str] = {}

    def __call__(self, new: bool) -> str:
        """MasterKeyError when there is nobody to ask."""
        given = self._given("SALLYPORT_NEW_PASSPHRASE") if new else self._given("SALLYPORT_PASSPHRASE")
        if given is None and new and not sys.stdin.isatty():
            given = self._given("SALLYPORT_PASSPHRASE")
        if given is not None:
            return given
        if not sys.stdin.isatty():
            raise MasterKeyError(
                "The passphrase of the secrets is needed, and nobody can be asked for it.",
                remedy="Set SALLYPORT_PASSPHRASE_FD to the number of a descriptor that it can be read from.",
            )
        if not new:
            return getpass.getpass("Passphrase of the secrets: ")
        first = getpass.getpass("New passphrase of the secrets: ")
        if getpass.getpass("Once more: ") != first:
            raise MasterKeyError("The two passphrases differ.", remedy="Try again.")
        return first

    def _given(self, name: str) -> str | None:
        if name + "_FD" in self._environment:
            return self._from_descriptor(name + "_FD")
        return self._environment.get(name)

    def _from_descriptor(self, name: str) -> str:
        if name not in self._read:
            try:
                with os.fdopen(int(self._environment[name]), "rb") as file:
                    self._read[name] = file.read(4096).decode().rstrip("\r\n")
            except (OSError, ValueError) as error:
                raise MasterKeyError(
                    f"{name} names no descriptor that a passphrase can be read from ({error}).",
                    remedy="Write for example SALLYPORT_PASSPHRASE_FD=3 and 3<FILE.",
                ) from None
        return self._read[name]
