"""The secrets of a site: where its master key comes from, who declares what, and what no log or core dump may hold."""

import getpass
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from app.config import Profile
from app.core.clock import Clock
from app.core.errors import ConfigError, MasterKeyError
from app.db import Pool
from app.extensions import MasterKeySource
from app.secrets import Keyring, Redactor, Secrets
from app.secrets.keys import CredentialSource, FileSource, PassphraseSource

OpenSource = Callable[[Profile, Path], MasterKeySource]

_TEXT = logging.Formatter()


def _file(profile: Profile, folder: Path) -> MasterKeySource:
    given = profile.secrets.key_file
    return FileSource(Path(given) if given else folder / "keys" / "master.key")


def _credential(profile: Profile, folder: Path) -> MasterKeySource:
    return CredentialSource(profile.secrets.credential, environment=os.environ)


def _passphrase(profile: Profile, folder: Path) -> MasterKeySource:
    return PassphraseSource(Asking(os.environ))


SOURCES: Mapping[str, OpenSource] = {"file": _file, "credential": _credential, "passphrase": _passphrase}
"""By the name that `secrets.master_key` gives. An extension's source is entered here by whoever wires the site."""


def open_secrets(
    profile: Profile,
    *,
    folder: Path,
    pool: Pool,
    clock: Clock,
    redactor: Redactor,
    sources: Mapping[str, OpenSource] = SOURCES,
) -> Secrets:
    """The room of a site; nothing is read yet."""
    name = profile.secrets.master_key
    if name not in sources:
        raise ConfigError(
            f"secrets.master_key: there is no source {name!r} of master keys.",
            remedy=f"Choose one of {', '.join(sorted(sources))}.",
        )
    return Secrets(
        pool=pool,
        clock=clock,
        keyring=Keyring(sources[name](profile, folder), source_name=name),
        redactor=redactor,
        declared=declared_by(profile),
    )


def declared_by(profile: Profile) -> dict[str, tuple[str, ...]]:
    """Secret to the recipients whose entries in the profile name it."""
    found: dict[str, set[str]] = {}
    for name, server in profile.mcp.servers.items():
        for secret in server.secrets.values():
            found.setdefault(secret, set()).add(f"server:{name}")
    for name, provider in profile.providers.items():
        if provider.key is not None and provider.key.reference:
            found.setdefault(provider.key.reference, set()).add(f"provider:{name}")
    return {secret: tuple(sorted(recipients)) for secret, recipients in found.items()}


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


@contextmanager
def quiet_logs(redactor: Redactor) -> Iterator[None]:
    """While the block runs no line of our own log holds a known value."""

    def without(record: logging.LogRecord) -> bool:
        if not redactor.matcher:
            return True
        message = record.getMessage()
        cleaned = redactor.text(message)
        if record.exc_info and not redactor.clean(trace := _TEXT.formatException(record.exc_info).encode()):
            cleaned = f"{cleaned}\n{redactor.data(trace).decode('utf-8', 'replace')}"
            record.exc_info = None
        if cleaned is not message:
            record.msg, record.args = cleaned, None
        return True

    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(without)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(without)


def leave_no_core() -> None:
    """A crash of this process, or of a program it starts, writes no memory to disk."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", encoding="ascii")
