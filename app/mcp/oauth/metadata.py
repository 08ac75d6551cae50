"""What servers publish about themselves (RFC 9728, RFC 8414, OpenID Connect Discovery), read without I/O."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from app.mcp.oauth.wanted import SignInError

_CHALLENGE_BYTES = 8192
_BEARER = re.compile(r"(?:^|[\s,])bearer(?=\s|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z0-9_-]{1,64})\s?=\s?(?:"((?:[^"\\]|\\.){0,4096})"|([^\s,"]{1,4096}))')
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
MOST_SCOPES = 100


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """The Bearer challenge of a 401 or 403 (RFC 6750, RFC 9728)."""

    resource_metadata: str = ""
    error: str = ""
    scopes: tuple[str, ...] = ()


class ResourceMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The view of a protected resource's metadata."""

    resource: str = ""
    authorization_servers: list[str] = []
    scopes_supported: list[str] = []


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """The view of an authorization server's metadata."""

    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    registration_endpoint: str = ""
    revocation_endpoint: str = ""
    scopes_supported: list[str] = []
    code_challenge_methods_supported: list[str] = []
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False
    client_id_metadata_document_supported: bool = False


def read_challenge(header: str) -> Challenge:
    """The Bearer part of `WWW-Authenticate`, however much else stands there."""
    begun = _BEARER.search(header[:_CHALLENGE_BYTES])
    if begun is None:
        return Challenge()
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(header[begun.end() : _CHALLENGE_BYTES]):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain)
    return Challenge(
        resource_metadata=found.get("resource_metadata", ""),
        error=found.get("error", ""),
        scopes=read_scopes(found.get("scope", "")),
    )


def read_scopes(text: str) -> tuple[str, ...]:
    """The scopes of a space-separated list; what is none is left out."""
    return tuple(dict.fromkeys(one for one in text.split() if _SCOPE.fullmatch(one)))[:MOST_SCOPES]


def union(*lists: Iterable[str]) -> tuple[str, ...]:
    """Scopes of all lists, each once, in order."""
    return tuple(dict.fromkeys(scope for scopes in lists for scope in scopes if _SCOPE.fullmatch(scope)))[
        :MOST_SCOPES
    ]


def resource_places(url: str, challenge: Challenge) -> list[str]:
    """Where a server's metadata may be: where it says, else with its path, else at the root."""
    if challenge.resource_metadata:
        return [challenge.resource_metadata]
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource"
    path = parts.path.rstrip("/")
    return [root + path, root] if path else [root]


def authority_places(issuer: str) -> list[str]:
    """Where an authorization server's metadata may be, in the order in which clients look."""
    parts = urlsplit(issuer)
    root, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    places = [
        f"{root}/.well-known/oauth-authorization-server{path}",
        f"{root}/.well-known/openid-configuration{path}",
    ]
    return [*places, f"{root}{path}/.well-known/openid-configuration"] if path else places


def covers(resource: str, url: str) -> bool:
    """Whether the resource that metadata speaks of is the server at `url`, or what it is a part of."""
    ours, theirs = _place(url), _place(resource)
    if ours is None or theirs is None or ours[:3] != theirs[:3]:
        return False
    return ours[3] == theirs[3] or ours[3].startswith(theirs[3] + "/")


def _place(url: str) -> tuple[str, str, int, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        return None
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")


def check_authority(authority: Authority, issuer: str) -> None:
    """SignInError unless it is the one that was asked for and can do what is needed."""
    if authority.issuer != issuer:
        raise SignInError(
            f"The authorization server at {issuer} calls itself {authority.issuer[:200]!r}.",
            remedy="An issuer is compared byte for byte; name it exactly so, or ask who runs it.",
        )
    if "S256" not in authority.code_challenge_methods_supported:
        raise SignInError(
            f"The authorization server {issuer} does not say that it supports PKCE with S256.",
            remedy="Without it a code that leaks can be used by others; ask who runs it.",
        )
    secure = issuer.startswith("https:")
    for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"):
        url = getattr(authority, name)
        needed = name in ("authorization_endpoint", "token_endpoint")
        place = _place(url)
        if (url or needed) and (place is None or (secure and place[0] != "https") or not _printable(url)):
            raise SignInError(f"The authorization server {issuer} publishes an unusable {name}.")


def _printable(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and len(url) <= 2048
