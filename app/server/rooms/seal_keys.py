"""Where the profile says the signing keys of the record are."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from app.audit.signing.device import DeviceKeys
from app.audit.signing.keys import KeyFiles
from app.audit.signing.source import KeySource
from app.config import Profile
from app.core.errors import ConfigError
from app.extensions import RecordSigner
from app.extensions.pkcs11 import Token, TokenSigner, parse_uri

OpenSigner = Callable[[Profile, Path], RecordSigner]
"""Connects to a device; called when it is first needed, again after a failure, and once for each user of it."""

SIGNERS: Mapping[str, OpenSigner] = MappingProxyType({})
"""By the NAME of `record.keys: extension:NAME`, as sources of master keys are (app/server/secrecy/opening.py). An
extension's signer is entered here by whoever wires the site; the places of files are no devices and stand in KeyFiles."""

_EXTENSION = "extension:"


def key_source(
    profile: Profile, folder: Path, *, setting: str | None = None, signers: Mapping[str, OpenSigner] = SIGNERS
) -> KeySource:
    """The source of the profile, or of another `setting`; ConfigError when there is none of that name."""
    setting = profile.record.keys if setting is None else setting
    if setting.startswith("pkcs11:"):
        token = Token(parse_uri(setting, where="record.keys"))
        return DeviceKeys(
            extension="pkcs11", origin=profile.record.origin, folder=folder, device=lambda: TokenSigner(token)
        )
    if not setting.startswith(_EXTENSION):
        return KeyFiles(folder=folder, setting=setting, credentials=os.environ.get("CREDENTIALS_DIRECTORY"))
    name = setting.removeprefix(_EXTENSION)
    if name not in signers:
        raise ConfigError(
            f"record.keys: this build has no extension {name!r} that signs.",
            remedy=f"It has {', '.join(sorted(signers)) or 'none'}; keys in files need none.",
        )
    return DeviceKeys(
        extension=name,
        origin=profile.record.origin,
        folder=folder,
        device=lambda: signers[name](profile, folder),
    )
