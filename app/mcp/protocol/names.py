"""Names on the aggregated endpoint: `server__tool`, `server__prompt`, `sallyport://server/URI`.

The mapping is a plain join, so a name never changes when another server comes or goes.
"""

from collections.abc import Collection

SEPARATOR = "__"
SCHEME = "sallyport://"


def join(server: str, name: str) -> str:
    """The aggregated name of a tool or prompt."""
    return f"{server}{SEPARATOR}{name}"


def split(name: str, servers: Collection[str]) -> tuple[str, str] | None:
    """Server and own name; the longest known server wins where one name begins with another; None: unknown."""
    best = max((server for server in servers if name.startswith(server + SEPARATOR)), key=len, default=None)
    return None if best is None else (best, name[len(best) + len(SEPARATOR) :])


def join_uri(server: str, uri: str) -> str:
    """The aggregated address of a resource or resource template."""
    return f"{SCHEME}{server}/{uri}"


def split_uri(uri: str, servers: Collection[str]) -> tuple[str, str] | None:
    """Server and own address, or None when no known server is named."""
    if not uri.startswith(SCHEME):
        return None
    server, slash, own = uri[len(SCHEME) :].partition("/")
    return (server, own) if slash and own and server in servers else None
