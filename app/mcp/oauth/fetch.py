"""One bounded question to a declared destination: no redirects, no cookies, strict JSON, an end to patience."""

import asyncio
from collections.abc import Mapping
from ssl import SSLContext
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from app.core import jsonsafe
from app.core.errors import ConfigError, EgressError, InputError, UpstreamError
from app.core.passage import Passage
from app.egress.http import Connects, Upstream, parse_origin
from app.mcp.oauth.wanted import SignInError

PATIENCE = 15.0
MOST_BYTES = 256 * 1024
_DEPTH = 16


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: `value` is the JSON object of its body, None when there is none."""

    status: int
    value: dict[str, Any] | None
    challenge: str = ""


class Fetch:
    """Every connection goes through the connector, so to declared destinations only."""

    def __init__(self, *, connector: Connects, tls: SSLContext, patience: float = PATIENCE) -> None:
        self._connector = connector
        self._tls = tls
        self._patience = patience

    async def get(self, passage: Passage, url: str) -> Fetched:
        """GET a JSON document."""
        return await self._ask(passage, "GET", url, {"accept": "application/json"}, b"")

    async def post_json(
        self, passage: Passage, url: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """POST a JSON text."""
        given = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        return await self._ask(passage, "POST", url, {**given, **(headers or {})}, body)

    async def post_form(
        self, passage: Passage, url: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> Fetched:
        """POST a form."""
        given = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        return await self._ask(passage, "POST", url, {**given, **headers}, urlencode(fields).encode())

    async def _ask(
        self, passage: Passage, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Fetched:
        upstream, target = self._upstream(url)
        try:
            async with asyncio.timeout(self._patience):
                reply = await upstream.request(passage, method, target, tuple(headers.items()), body)
                async with reply:
                    data = await reply.read(MOST_BYTES)
        except TimeoutError:
            raise SignInError(f"{_shown(url)} did not answer in {self._patience:g} s.", status=504) from None
        except EgressError as error:
            raise SignInError(
                f"{_shown(url)} is not a declared destination. {error.message}",
                remedy="If it is right, name it under oauth.issuers or egress.destinations of the profile.",
            ) from None
        except UpstreamError as error:
            raise SignInError(f"{_shown(url)} failed: {error.message}", status=error.status) from None
        finally:
            await upstream.aclose()
        challenge = ", ".join(value for name, value in reply.headers if name == "www-authenticate")
        return Fetched(status=reply.status, value=_object(data), challenge=challenge)

    def _upstream(self, url: str) -> tuple[Upstream, str]:
        try:
            parts = urlsplit(url)
            origin = parse_origin("sign-in", f"{parts.scheme}://{parts.netloc}")
        except (ValueError, ConfigError):
            raise SignInError("A server names an address that is no plain http or https URL.") from None
        target = parts.path or "/"
        if parts.query:
            target = f"{target}?{parts.query}"
        upstream = Upstream(
            origin=origin, connector=self._connector, tls=self._tls, connections=1, timeout=self._patience
        )
        return upstream, target


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        return jsonsafe.decode_object(data, max_depth=_DEPTH)
    except InputError:
        return None


def _shown(url: str) -> str:
    """Without a query, which may hold what is nobody's business."""
    return url.partition("?")[0][:200]
