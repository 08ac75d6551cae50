"""The type of `secrets.vaults`: secrets pulled from a Vault or OpenBao server (KV version 2)."""

import re
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from app.config.secret import Secret
from app.config.section import Name, Seconds, SecretName, Section
from app.core.errors import ConfigError

_MOUNT = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$"
_PLACE = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*#[^#\x00-\x1f]{1,128}")


class Vault(Section, frozen=True):
    """A server whose secrets are copied into the store of this site, whenever they change there."""

    url: Annotated[str, Meta(description="its base URL, without /v1")]
    mount: Annotated[str, Meta(pattern=_MOUNT, description="where its KV version 2 engine is mounted")] = (
        "secret"
    )
    namespace: Annotated[str, Meta(pattern=r"^[!-~]*$", description="its namespace, if it has some")] = ""
    token: Annotated[
        Secret | None, Meta(description="a token, `file:PATH` or `${VAR}`; or else an AppRole")
    ] = None
    role_id: Annotated[Secret | None, Meta(description="role id of an AppRole")] = None
    secret_id: Annotated[Secret | None, Meta(description="secret id of an AppRole")] = None
    approle: Annotated[str, Meta(pattern=_MOUNT, description="where its AppRole method is mounted")] = (
        "approle"
    )
    seconds: Annotated[Seconds, Meta(description="seconds between two looks")] = 60.0
    timeout: Annotated[Seconds, Meta(description="seconds an answer may take")] = 10.0
    secrets: Annotated[
        dict[SecretName, str], Meta(description="by the name that they have here: PATH#KEY of the engine")
    ] = {}


def check_vaults(vaults: Mapping[Name, Vault], *, source: str) -> None:
    """ConfigError for the first that cannot work as it is written."""
    owner: dict[str, str] = {}
    for name, vault in vaults.items():
        where = f"{source}: secrets.vaults.{name}"
        if bool(vault.token) == bool(vault.role_id and vault.secret_id) or bool(vault.role_id) != bool(
            vault.secret_id
        ):
            raise ConfigError(
                f"{where}: either token, or role_id with secret_id, is needed.", remedy="Give one of them."
            )
        for secret, place in vault.secrets.items():
            if not _PLACE.fullmatch(place) or any(part in (".", "..") for part in re.split("[/#]", place)):
                raise ConfigError(
                    f"{where}.secrets.{secret}: {place[:80]!r} is not PATH#KEY.",
                    remedy="Write for example apps/search#token.",
                )
            if secret in owner:
                raise ConfigError(
                    f"{where}.secrets.{secret}: it comes from {owner[secret]} already.",
                    remedy="Take one of them out.",
                )
            owner[secret] = name
