"""The token endpoint and the revocation endpoint (RFC 6749, RFC 7009, RFC 7636, RFC 8707)."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from app.core.passage import Passage
from app.mcp.oauth.fetch import Fetch, Fetched
from app.mcp.oauth.metadata import read_scopes
from app.mcp.oauth.wanted import SignInError, TokenError
from app.secrets.signins import Attempt, Client, Grant

_OK = 200
_LONGEST = 16 * 1024
_LONGEST_LIFE = 10 * 365 * 86400.0
_KNOWN = frozenset(
    {
        *(
            "invalid_request",
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
        ),
        *("invalid_scope", "invalid_target", "access_denied", "server_error", "temporarily_unavailable"),
        *("interaction_required", "login_required", "consent_required", "unsupported_response_type"),
    }
)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What the token endpoint gave. `lasts` in seconds; None where it does not say."""

    access: str
    refresh: str
    lasts: float | None
    scopes: tuple[str, ...] | None

    def __repr__(self) -> str:
        return "Received(***)"


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    token_type: str
    refresh_token: str = ""
    expires_in: float | str | None = None
    scope: str | None = None


class Tokens:
    """Each request carries the client's own authentication; `secret` is given for it and kept nowhere."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def redeem(self, passage: Passage, attempt: Attempt, code: str, *, secret: str) -> Received:
        """A code for tokens."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect,
            "code_verifier": attempt.verifier,
            "resource": attempt.resource,
        }
        return await self._ask(passage, attempt.token_endpoint, attempt.client, secret, fields)

    async def renew(self, passage: Passage, grant: Grant, *, secret: str) -> Received:
        """A refresh token for new tokens."""
        fields = {"grant_type": "refresh_token", "refresh_token": grant.refresh, "resource": grant.resource}
        return await self._ask(passage, grant.token_endpoint, grant.client, secret, fields)

    async def of_client(
        self, passage: Passage, grant: Grant, scopes: tuple[str, ...], *, secret: str
    ) -> Received:
        """A token for the client itself; `grant` says where and for what, and holds no token."""
        fields = {"grant_type": "client_credentials", "resource": grant.resource}
        if scopes:
            fields["scope"] = " ".join(scopes)
        return await self._ask(passage, grant.token_endpoint, grant.client, secret, fields)

    async def revoke(self, passage: Passage, grant: Grant, *, secret: str) -> bool:
        """Whether the authorization server took them back; without a refresh token, the access token alone."""
        if not grant.revocation_endpoint:
            return False
        token, kind = (grant.refresh, "refresh_token") if grant.refresh else (grant.access, "access_token")
        fields, headers = _authenticated(grant.client, secret, {"token": token, "token_type_hint": kind})
        fetched = await self._fetch.post_form(passage, grant.revocation_endpoint, fields, headers)
        return fetched.status == _OK

    async def _ask(
        self, passage: Passage, endpoint: str, client: Client, secret: str, fields: Mapping[str, str]
    ) -> Received:
        form, headers = _authenticated(client, secret, fields)
        fetched = await self._fetch.post_form(passage, endpoint, form, headers)
        if fetched.status != _OK:
            raise _refused(endpoint, fetched)
        return _received(endpoint, fetched.value)


def _authenticated(
    client: Client, secret: str, fields: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The form and the headers with the client's authentication (RFC 6749 2.3.1)."""
    if client.method == "client_secret_basic":
        pair = f"{quote(client.id, safe='')}:{quote(secret, safe='')}"
        return dict(fields), {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    form = {**fields, "client_id": client.id}
    return ({**form, "client_secret": secret} if client.method == "client_secret_post" else form), {}


def known_code(value: object) -> str:
    """An error code that is in a specification; what else a server writes could be anything."""
    return value if isinstance(value, str) and value in _KNOWN else "unknown_error"


def _refused(endpoint: str, fetched: Fetched) -> TokenError:
    code = known_code((fetched.value or {}).get("error"))
    if fetched.value is None and fetched.status >= 500:
        code = "server_error"
    where = endpoint.partition("?")[0]
    return TokenError(f"The token endpoint {where} refused: {code} (HTTP {fetched.status}).", code=code)


def _received(endpoint: str, value: dict[str, Any] | None) -> Received:
    where = endpoint.partition("?")[0]
    try:
        answer = msgspec.convert(value, _Answer)
    except msgspec.ValidationError as error:
        # Its message names the member and the type, never the value.
        raise SignInError(f"The token endpoint {where} answered what cannot be read: {error}.") from None
    if answer.token_type.lower() != "bearer":
        raise SignInError(f"The token endpoint {where} gave a token of another type than Bearer.")
    for token in (answer.access_token, answer.refresh_token):
        if len(token) > _LONGEST or not token.isascii() or not token.isprintable() or " " in token:
            raise SignInError(f"The token endpoint {where} gave a token that no header can carry.")
    if not answer.access_token:
        raise SignInError(f"The token endpoint {where} gave an empty token.")
    return Received(
        access=answer.access_token,
        refresh=answer.refresh_token,
        lasts=_lasts(where, answer.expires_in),
        scopes=None if answer.scope is None else read_scopes(answer.scope),
    )


def _lasts(where: str, given: float | str | None) -> float | None:
    if given is None:
        return None
    try:
        lasts = float(given)
    except ValueError:
        lasts = -1.0
    if not lasts > 0:
        raise SignInError(f"The token endpoint {where} gave a token that has ended.")
    return min(lasts, _LONGEST_LIFE)
