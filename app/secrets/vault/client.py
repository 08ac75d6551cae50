"""The HTTP API of Vault and OpenBao, as far as it is needed: sign in by AppRole or token, read KV version 2.

Its documentation calls the parts: /v1/auth/approle/login, /v1/auth/token/renew-self, /v1/MOUNT/data/PATH.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from app.config.outward.vaults import Vault
from app.core import jsonsafe
from app.core.clock import Clock
from app.core.errors import InputError, SecretError, UpstreamError
from app.egress import Connector
from app.egress.http import Origin, parse_origin
from app.egress.http_connection import HttpConnection

_ANSWER_BYTES = 1024 * 1024
_RENEW_SECONDS = 600.0
_REFUSED = (400, 401, 403)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at a path now; `values` is empty when it was deleted there."""

    version: int
    values: Mapping[str, Any]


class VaultClient:
    """One server of the profile. No answer is an UpstreamError, a refusal a SecretError; neither holds a value."""

    def __init__(
        self, name: str, settings: Vault, *, connector: Connector, tls: ssl.SSLContext, clock: Clock
    ) -> None:
        self.name = name
        self._settings = settings
        self._origin: Origin = parse_origin(f"secrets.vaults.{name}.url", settings.url)
        self._connector = connector
        self._tls = tls if self._origin.secure else None
        self._clock = clock
        self._token = ""
        self._until = 0.0
        """When a token of an AppRole is taken for old; of a given one, when it is renewed next."""

    async def read(self, path: str) -> Found | None:
        """What stands at a path of the engine; None when nothing ever did."""
        status, answer = await self._asked("GET", f"/v1/{self._settings.mount}/data/{path}")
        data = answer.get("data")
        if status == 404 and not isinstance(data, dict):
            return None
        if status not in (200, 404) or not isinstance(data, dict):
            raise self._refusal(status, answer, f"reading {path}")
        metadata = data.get("metadata")
        version = metadata.get("version") if isinstance(metadata, dict) else None
        if not isinstance(version, int):
            raise SecretError(
                f"The vault {self.name} answers {path} as an engine of KV version 1 does.",
                remedy="Pull from an engine of KV version 2.",
            )
        values = data.get("data")
        return Found(version=version, values=values if isinstance(values, dict) else {})

    async def _asked(self, method: str, target: str) -> tuple[int, dict[str, Any]]:
        """With a token that holds; one that the server has forgotten is asked for anew, once."""
        fresh = await self._signed_in()
        status, answer = await self._exchange(method, target)
        if status == 403 and not fresh and self._settings.role_id:
            self._token = ""
            await self._signed_in()
            status, answer = await self._exchange(method, target)
        return status, answer

    async def _signed_in(self) -> bool:
        """Whether the token was given just now."""
        given, now = self._settings.token, self._clock.monotonic()
        if given is not None:
            self._token = given.reveal()
            if now >= self._until:
                self._until = now + _RENEW_SECONDS
                await self._exchange("POST", "/v1/auth/token/renew-self", {})  # root tokens refuse it
            return True
        if self._token and now < self._until:
            return False
        role, secret = self._settings.role_id, self._settings.secret_id
        self._token = ""
        body = {
            "role_id": role.reveal() if role else "",
            "secret_id": secret.reveal() if secret else "",
        }
        status, answer = await self._exchange("POST", f"/v1/auth/{self._settings.approle}/login", body)
        auth = answer.get("auth")
        token = auth.get("client_token") if isinstance(auth, dict) else None
        if status != 200 or not isinstance(auth, dict) or not isinstance(token, str) or not token:
            raise self._refusal(status, answer, "the sign-in by AppRole")
        lease = auth.get("lease_duration")
        self._token = token
        self._until = now + (lease * 0.75 if isinstance(lease, int) and lease > 0 else _RENEW_SECONDS)
        return True

    def _refusal(self, status: int, answer: dict[str, Any], what: str) -> SecretError | UpstreamError:
        errors = answer.get("errors")
        said = "; ".join(str(one) for one in errors[:3])[:200] if isinstance(errors, list) and errors else ""
        text = f"The vault {self.name} answers {what} with HTTP {status}{f' ({said})' if said else ''}."
        if status in _REFUSED:
            return SecretError(text, remedy="Check its token or AppRole, and what its policy lets that read.")
        return UpstreamError(text, kind="status", status=status)

    async def _exchange(
        self, method: str, target: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        try:
            async with asyncio.timeout(self._settings.timeout):
                status, data = await self._sent(
                    method, target, b"" if body is None else msgspec.json.encode(body)
                )
        except TimeoutError:
            raise UpstreamError(
                f"The vault {self.name} did not answer in {self._settings.timeout:g} s.", kind="timeout"
            ) from None
        try:
            answer = jsonsafe.decode(data) if data else {}
        except InputError:
            answer = None
        if not isinstance(answer, dict):
            raise UpstreamError(
                f"The vault {self.name} answers HTTP {status} with something that is no JSON object.",
                kind="protocol",
            )
        return status, answer

    async def _sent(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        loop, timeout = asyncio.get_running_loop(), self._settings.timeout
        _, connection = await self._connector.connect(
            self._origin.host,
            self._origin.port,
            lambda: HttpConnection(loop=loop, timeout=timeout, idle=lambda *_: None),
            tls=self._tls,
            timeout=timeout,
        )
        try:
            async with await connection.exchange(self._head(method, target, len(body)), body) as reply:
                return reply.status, await reply.read(_ANSWER_BYTES)
        finally:
            connection.abort(UpstreamError("Asked and answered.", kind="closed"))

    def _head(self, method: str, target: str, length: int) -> bytes:
        lines = [
            f"{method} {self._origin.path}{target} HTTP/1.1",
            f"host: {self._origin.authority}",
            "x-vault-request: true",
            "connection: close",
        ]
        if self._token:
            lines.append(f"x-vault-token: {self._token}")
        if self._settings.namespace:
            lines.append(f"x-vault-namespace: {self._settings.namespace}")
        if method == "POST":
            lines += ["content-type: application/json", f"content-length: {length}"]
        if any(ord(char) < 32 or ord(char) > 126 for line in lines for char in line):
            raise SecretError(
                f"The vault {self.name}: its token holds characters that HTTP does not allow.",
                remedy="Correct secrets.vaults in the profile.",
            )
        return "\r\n".join([*lines, "", ""]).encode("ascii")
