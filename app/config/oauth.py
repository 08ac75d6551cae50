"""What fits together in the settings of a tool server's sign-in."""

from urllib.parse import urlsplit

from app.config.tools import McpOAuth, McpServer
from app.core.errors import ConfigError


def check_oauth(server: McpServer, *, where: str) -> None:
    """ConfigError for settings that could never work."""
    oauth = server.oauth
    if oauth == McpOAuth():
        return
    if not server.url:
        raise ConfigError(
            f"{where}.oauth: a program does not sign in.", remedy="Give `url`, or take `oauth` out."
        )
    given = [key.partition(":")[0].strip().lower() for key in (*server.secrets, *server.headers)]
    if "authorization" in given:
        raise ConfigError(
            f"{where}: it has both `oauth` and an Authorization header of its own.",
            remedy="Take one of them out.",
        )
    if not oauth.issuers:
        raise ConfigError(
            f"{where}.oauth.issuers: at least one authorization server is needed.",
            remedy="Name it exactly as it calls itself, such as https://login.site/tenant.",
        )
    for issuer in oauth.issuers:
        check_url(issuer, where=f"{where}.oauth.issuers")
    if oauth.client_secret is not None and not oauth.client_id:
        raise ConfigError(f"{where}.oauth: client_secret is given without client_id.", remedy="Give both.")
    if oauth.services == "client-credentials" and oauth.client_secret is None:
        raise ConfigError(
            f"{where}.oauth: client-credentials needs client_id and client_secret.", remedy="Give both."
        )
    if bad := [
        scope for scope in oauth.scopes if not scope or not scope.isascii() or set(scope) & set(' "\\')
    ]:
        raise ConfigError(
            f"{where}.oauth.scopes: {bad[0]!r} is no scope.", remedy="Write one scope an entry."
        )


def check_url(url: str, *, where: str) -> None:
    """ConfigError unless it is empty or a plain http(s) URL without query and fragment."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, fine = urlsplit(""), False
    if url and (
        not fine or parts.username or parts.query or parts.fragment or not url.isascii() or " " in url
    ):
        raise ConfigError(
            f"{where}: {url!r} is not a plain http or https URL.", remedy="Write https://HOST[:PORT][/PATH]."
        )
