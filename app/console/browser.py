"""What a browser sends and is told: cookies (RFC 6265bis), forms that prove their origin, safe return paths."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from app.core.errors import InputError

SESSION = "sallyport"
FORM = "sallyport-form"
HOME = "/console"
MAX_FORM = 16 * 1024
MAX_FIELDS = 16

_PATH = re.compile(r"/console(?:/[A-Za-z0-9._~%@+-]+)*(?:\?[A-Za-z0-9._~%@+=&*-]*)?", re.ASCII)

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer of the console."""


def cookie(request: web.BaseRequest, name: str) -> str:
    """The cookie's value, or nothing; over TLS only the `__Host-` one counts, which no other host can plant."""
    return request.cookies.get(_named(request, name), "")[:256]


def keep(response: web.StreamResponse, request: web.BaseRequest, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and that ends with the browser."""
    response.set_cookie(
        _named(request, name), value, path="/", httponly=True, samesite="Lax", secure=request.secure
    )


def drop(response: web.StreamResponse, request: web.BaseRequest, name: str) -> None:
    """Make the browser forget a cookie."""
    response.set_cookie(
        _named(request, name), "", max_age=0, path="/", httponly=True, samesite="Lax", secure=request.secure
    )


def _named(request: web.BaseRequest, name: str) -> str:
    return f"__Host-{name}" if request.secure else name


def form_token(secret: str) -> str:
    """What a form carries to prove that its sender could read our page: derived from a cookie's secret."""
    mac = hmac.new(secret.encode("utf-8", "replace"), b"sallyport console form", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def ours(request: web.BaseRequest, fields: Mapping[str, str], *, secret: str) -> bool:
    """Whether a form was sent by a page of this very site."""
    given = fields.get("form", "").encode("utf-8", "replace")
    return bool(secret) and same_origin(request) and hmac.compare_digest(given, form_token(secret).encode())


def same_origin(request: web.BaseRequest) -> bool:
    """What the browser itself says about where a request comes from; the token decides when it says nothing."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    scheme, _, host = origin.partition("://")
    # Behind a proxy that ends TLS the browser says https where we see http; the other way round is an attack.
    schemes = ("https",) if request.secure else ("http", "https")
    return scheme in schemes and host.lower() == request.headers.get("Host", "").lower()


async def read_form(request: web.BaseRequest, *, most: int = MAX_FORM) -> dict[str, str]:
    """The fields of an urlencoded form of at most so many bytes; InputError for anything else."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise InputError("This is not a form.", remedy="Use the page in a browser.", status=415)
    if (request.content_length or 0) > most:
        raise InputError("The form is too large.", status=413)
    data = await request.read()
    if len(data) > most:
        raise InputError("The form is too large.", status=413)
    try:
        pairs = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise InputError("The form cannot be read.", remedy="Load the page again.") from None
    if len(dict(pairs)) != len(pairs):
        raise InputError("The form names a field twice.", remedy="Load the page again.")
    return dict(pairs)


def safe_return(path: str) -> str:
    """A page of the console, whatever was asked for: never another site."""
    if len(path) > 1024 or not _PATH.fullmatch(path) or ".." in path:
        return HOME
    parts = urlsplit(path)
    return HOME if parts.scheme or parts.netloc else path


def wants_html(request: web.BaseRequest) -> bool:
    """Whether a person with a browser asks, and not a program."""
    return "text/html" in request.headers.get("Accept", "")
