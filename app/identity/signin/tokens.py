"""Random secrets as text: API keys `sp_PREFIX_SECRET`, session and setup tokens; only their hashes are kept."""

import base64
import hashlib
import re
import secrets
from typing import NamedTuple

_API_KEY = re.compile(r"sp_([a-z2-7]{10})_([A-Za-z0-9_-]{43})", re.ASCII)
_PLAIN = re.compile(r"(?:ss|su)_[A-Za-z0-9_-]{43}", re.ASCII)


class ApiKeySecret(NamedTuple):
    """A new key: the public prefix that names it, and the whole token that is shown once."""

    prefix: str
    token: str


def mint_api_key() -> ApiKeySecret:
    """50 random bits of name and 256 of secret."""
    prefix = base64.b32encode(secrets.token_bytes(7))[:10].decode("ascii").lower()
    return ApiKeySecret(prefix, f"sp_{prefix}_{secrets.token_urlsafe(32)}")


def api_key_prefix(token: str) -> str | None:
    """The prefix of a token that has the shape of an API key."""
    match = _API_KEY.fullmatch(token)
    return match[1] if match else None


def mint_session_token() -> str:
    """256 random bits for a session cookie."""
    return "ss_" + secrets.token_urlsafe(32)


def mint_setup_token() -> str:
    """256 random bits for a link that works once."""
    return "su_" + secrets.token_urlsafe(32)


def is_plain_token(token: str, kind: str) -> bool:
    """Whether this has the shape of a session (`ss`) or setup (`su`) token."""
    return token.startswith(kind + "_") and _PLAIN.fullmatch(token) is not None


def secret_hash(token: str) -> bytes:
    """SHA-256: enough for 256 random bits, where a slow hash would only slow us down."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
