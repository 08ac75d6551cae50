"""`/api/v1/secrets`: values go in and never out."""

import binascii
from base64 import b64decode
from typing import Annotated, Literal

from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.core.errors import InputError
from app.secrets import Secrets
from app.secrets.names import LONGEST
from app.secrets.records import Rekeyed, SecretsCheck, SecretVersion, StoredSecret

__all__ = ["operations"]

SecretName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Recipient = Annotated[str, Meta(pattern=r"^(server|provider):[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Value = Annotated[str, Meta(min_length=8, max_length=2 * LONGEST)]
Encoding = Literal["text", "base64"]


class NewSecret(Body, frozen=True, kw_only=True):
    """A secret to be stored; nobody is given it yet."""

    name: SecretName
    value: Value
    encoding: Encoding = "text"
    purpose: Annotated[str, Meta(max_length=200)] = ""


class NewSecretValue(Body, frozen=True, kw_only=True):
    """What a secret is from now on."""

    value: Value
    encoding: Encoding = "text"


class SecretGrant(Body, frozen=True, kw_only=True):
    """Who may be given a secret."""

    recipient: Recipient


class RekeyRequest(Body, frozen=True, kw_only=True):
    """`handover` leaves the new master key in a box of the old one, for the other nodes."""

    handover: bool = True


class _Secrets:
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def overview(self, asked: Asked) -> Page[StoredSecret]:
        return page_in_memory(await self._secrets.list_all(), asked.query, lambda row: row.name)

    async def create(self, asked: Asked) -> StoredSecret:
        new = asked.body
        value = _bytes(new.value, new.encoding)
        return await self._secrets.set(asked.passage, new.name, value, purpose=new.purpose)

    async def show(self, asked: Asked) -> StoredSecret:
        return await self._secrets.show(asked.params["name"])

    async def history(self, asked: Asked) -> Page[SecretVersion]:
        rows = await self._secrets.history(asked.params["name"])
        return page_in_memory(rows, asked.query, lambda row: str(row.version))

    async def rotate(self, asked: Asked) -> StoredSecret:
        value = _bytes(asked.body.value, asked.body.encoding)
        return await self._secrets.rotate(asked.passage, asked.params["name"], value)

    async def grant(self, asked: Asked) -> StoredSecret:
        return await self._secrets.grant(asked.passage, asked.params["name"], asked.body.recipient)

    async def revoke(self, asked: Asked) -> StoredSecret:
        return await self._secrets.revoke(asked.passage, asked.params["name"], asked.body.recipient)

    async def delete(self, asked: Asked) -> None:
        await self._secrets.delete(asked.passage, asked.params["name"])

    async def check(self, asked: Asked) -> SecretsCheck:
        return await self._secrets.check()

    async def rekey(self, asked: Asked) -> Rekeyed:
        return await self._secrets.rekey(asked.passage, handover=asked.body.handover)

    async def finish(self, asked: Asked) -> SecretsCheck:
        return await self._secrets.finish_rekey(asked.passage)


def _bytes(value: str, encoding: str) -> bytes:
    try:
        return b64decode(value, validate=True) if encoding == "base64" else value.encode()
    except (binascii.Error, ValueError):
        raise InputError(
            f"The value is not {'base64' if encoding == 'base64' else 'text that UTF-8 can hold'}.",
            remedy="Correct it, or change its encoding.",
            code="invalid_value",
        ) from None


def operations(secrets: Secrets) -> list[Operation]:
    """The table of this subject."""
    does = _Secrets(secrets)
    return [*_of_secrets(does), *_of_master_keys(does)]


def _of_secrets(does: _Secrets) -> list[Operation]:
    all_, one = "/api/v1/secrets", "/api/v1/secrets/{name}"
    return [
        Operation(
            id="listSecrets", method="GET", path=all_, summary="List secrets, without values",
            action="admin.secret.list", kind="secret", about="*", run=does.overview, query=PageQuery,
            answer=Page[StoredSecret],
        ),
        Operation(
            id="setSecret", method="POST", path=all_, summary="Store a new secret; its value never comes out",
            status=201, action="admin.secret.set", kind="secret", about="body.name", run=does.create, body=NewSecret,
            answer=StoredSecret, secret=("value",),
        ),
        Operation(
            id="showSecret", method="GET", path=one, summary="Show a secret without its value",
            action="admin.secret.show", kind="secret", about="{name}", run=does.show, answer=StoredSecret,
        ),
        Operation(
            id="secretHistory", method="GET", path=f"{one}/history", summary="List the versions of a secret",
            action="admin.secret.history", kind="secret", about="{name}", run=does.history, query=PageQuery,
            answer=Page[SecretVersion],
        ),
        Operation(
            id="rotateSecret", method="POST", path=f"{one}/rotate", summary="Give a secret a new value",
            action="admin.secret.rotate", kind="secret", about="{name}", run=does.rotate, body=NewSecretValue,
            answer=StoredSecret,
            secret=("value",),
        ),
        Operation(
            id="grantSecret", method="POST", path=f"{one}/grant", summary="Let somebody be given a secret",
            action="admin.secret.grant", kind="secret", about="{name}", run=does.grant, body=SecretGrant,
            answer=StoredSecret,
        ),
        Operation(
            id="revokeSecret", method="POST", path=f"{one}/revoke", summary="Take a secret away again",
            action="admin.secret.revoke", kind="secret", about="{name}", run=does.revoke, body=SecretGrant,
            answer=StoredSecret,
        ),
        Operation(
            id="deleteSecret", method="DELETE", path=one, summary="Destroy a secret that nobody is granted",
            action="admin.secret.delete", kind="secret", about="{name}", run=does.delete,
        ),
    ]  # fmt: skip


def _of_master_keys(does: _Secrets) -> list[Operation]:
    return [
        Operation(
            id="checkSecrets", method="GET", path="/api/v1/master-keys", summary="Open every secret; list the master keys",
            action="admin.secret.check", kind="secret", about="*", run=does.check, answer=SecretsCheck,
        ),
        Operation(
            id="rekeySecrets", method="POST", path="/api/v1/master-keys", summary="Seal everything with a new master key",
            action="admin.secret.rekey", kind="secret", about="*", run=does.rekey, body=RekeyRequest, answer=Rekeyed,
        ),
        Operation(
            id="finishRekey", method="DELETE", path="/api/v1/master-keys/previous", summary="Forget the master key before",
            action="admin.secret.rekey", kind="secret", about="*", run=does.finish, answer=SecretsCheck,
        ),
    ]  # fmt: skip
