"""The room of secrets for a site: where its master key comes from, and who declares what."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from app.config import Profile
from app.core.clock import Clock
from app.core.errors import ConfigError
from app.db import Pool
from app.extensions import MasterKeySource
from app.extensions.pkcs11 import Token, TokenSource, parse_uri
from app.secrets import Keyring, Redactor, Secrets
from app.secrets.keys import CredentialSource, FileSource, PassphraseSource
from app.server.declared import Declared
from app.server.secrecy.asking import Asking

OpenSource = Callable[[Profile, Path], MasterKeySource]


def _file(profile: Profile, folder: Path) -> MasterKeySource:
    given = profile.secrets.key_file
    return FileSource(Path(given) if given else folder / "keys" / "master.key")


def _credential(profile: Profile, folder: Path) -> MasterKeySource:
    return CredentialSource(profile.secrets.credential, environment=os.environ)


def _passphrase(profile: Profile, folder: Path) -> MasterKeySource:
    return PassphraseSource(Asking(os.environ))


def _token(profile: Profile, folder: Path) -> MasterKeySource:
    return TokenSource(Token(parse_uri(profile.secrets.key_uri, where="secrets.key_uri")))


SOURCES: Mapping[str, OpenSource] = {
    "file": _file,
    "credential": _credential,
    "passphrase": _passphrase,
    "pkcs11": _token,
}
"""By the name that `secrets.master_key` gives. An extension's source is entered here by whoever wires the site."""


async def open_secrets(
    profile: Profile,
    *,
    folder: Path,
    pool: Pool,
    clock: Clock,
    redactor: Redactor,
    declared: Declared,
    serving: bool,
    sources: Mapping[str, OpenSource] = SOURCES,
) -> Secrets:
    """The room of a site; a server opens every secret at once or refuses to start, a command when it needs one."""
    name = profile.secrets.master_key
    if name not in sources:
        raise ConfigError(
            f"secrets.master_key: there is no source {name!r} of master keys.",
            remedy=f"Choose one of {', '.join(sorted(sources))}.",
        )
    secrets = Secrets(
        pool=pool,
        clock=clock,
        keyring=Keyring(sources[name](profile, folder), source_name=name),
        redactor=redactor,
        declared=lambda: declared_by(declared),
    )
    if serving:
        await secrets.catalogue.open()
    return secrets


def declared_by(declared: Declared) -> dict[str, tuple[str, ...]]:
    """Secret to the recipients whose entries in the profile name it at this moment."""
    found: dict[str, set[str]] = {}
    for name, server in declared.mcp.servers.items():
        for secret in server.secrets.values():
            found.setdefault(secret, set()).add(f"server:{name}")
        given = server.oauth.client_secret
        if given is not None and given.reference:
            found.setdefault(given.reference, set()).add(f"server:{name}")
    for name, provider in declared.providers.items():
        if provider.key is not None and provider.key.reference:
            found.setdefault(provider.key.reference, set()).add(f"provider:{name}")
    return {secret: tuple(sorted(recipients)) for secret, recipients in found.items()}
