"""Listings as one caller may see them: filtered by policy, in a stable order, entries in their own bytes."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Raw

from app.core.call import Resource
from app.core.errors import UpstreamError
from app.mcp.protocol import mirrored
from app.mcp.protocol.methods import USES, Method, joined

Permits = Callable[[str, Resource], bool]
"""`passage.may`."""
Public = Callable[[dict[str, Any], str], dict[str, Any]]
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ENTRIES = msgspec.json.Decoder(list[dict[str, Raw]])
_TEXT = msgspec.json.Decoder(str)
_MARK = mirrored.MARK.encode()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a server's listing: `entries` by the name they have there."""

    server: str
    entries: tuple[tuple[str, dict[str, Raw]], ...]
    members: dict[str, Raw] = {}
    """The other members of the result, `nextCursor` among them."""

    @property
    def cursor(self) -> Raw | None:
        """Where the next page begins, if there is one."""
        cursor = self.members.get("nextCursor")
        return None if cursor is None or bytes(cursor) == b"null" else cursor


def read_page(server: str, method: Method, result: Raw) -> Page:
    """Decode a listing's result as far as needed; UpstreamError when it is none.

    A tool with an invalid `x-mcp-header` is left out, as the protocol asks of every client.
    """
    try:
        members = _MEMBERS.decode(result)
        entries = _ENTRIES.decode(members.pop(method.member, Raw(b"[]")))
        entries = [entry for entry in entries if method.kind != "tool" or mirrors_of(entry) is not None]
        named = tuple((_TEXT.decode(entry[method.key]), entry) for entry in entries)
    except (msgspec.MsgspecError, KeyError) as error:
        raise UpstreamError(
            f"The tool server {server} sent a listing that cannot be read: {error}.", kind="protocol"
        ) from None
    return Page(server=server, entries=named, members=members)


def mirrors_of(entry: dict[str, Raw]) -> mirrored.Mirrors | None:
    """Which arguments of a tool its callers repeat in headers; None when its schema says so in an invalid way."""
    schema = bytes(entry.get("inputSchema", b""))
    return mirrored.mirrors(msgspec.json.decode(schema)) if _MARK in schema else {}


def visible(
    pages: Iterable[Page], method: Method, *, may: Permits, aggregated: bool, public: Public
) -> list[dict[str, Any]]:
    """The entries the caller may use, renamed where servers share the endpoint, ordered by name.

    `public` renames the whole entry of a skill, which holds the addresses of its files.
    """
    action = USES[method.kind]
    shown: list[tuple[str, dict[str, Any]]] = []
    for page in pages:
        for name, entry in page.entries:
            if not may(action, Resource(method.kind, f"{page.server}/{name}")):
                continue
            if aggregated:
                label = joined(method.kind, page.server, name)
                renamed = (
                    public(entry, page.server) if method.kind == "skill" else {**entry, method.key: label}
                )
                shown.append((label, renamed))
            else:
                shown.append((name, entry))
    shown.sort(key=lambda pair: pair[0])
    return [entry for _, entry in shown]
