"""Entries of the registry as the MCP registry API (v0.1) has them. Pure."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from app.catalog.pins import Pin
from app.core.canonical import canonical, digest
from app.core.errors import InputError

MOST = 100
_META = "io.modelcontextprotocol.registry/official"
_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of the list is wanted."""

    limit: int = 30
    cursor: str = ""
    search: str = ""
    version: str = "latest"


def asked(query: Mapping[str, str]) -> Asked:
    """The query of a list; parameters that we do not know mean nothing, as the API says."""
    limit = query.get("limit", "30")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and int(limit) > 0):
        raise InputError("limit must be a number from 1 on.", code="invalid_parameter")
    return Asked(
        limit=min(int(limit), MOST),
        cursor=query.get("cursor", "")[:200],
        search=query.get("search", "")[:200].lower(),
        version=query.get("version", "latest")[:255],
    )


def namespace(host: str) -> str:
    """The site's name the other way round, as names of servers begin."""
    name = host.rpartition(":")[0] if not host.endswith("]") and host.count(":") == 1 else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        if _NAMES.fullmatch(name) and name != "localhost":
            return ".".join(reversed(name.strip(".").lower().split(".")))
    return "local.sallyport"


def entry(name: str, description: str, pins: Sequence[Pin], *, base: str, space: str) -> dict[str, Any]:
    """One server: a remote of this site. Its version changes whenever other definitions of it are approved."""
    key = {"description": "API key of this site", "isRequired": True, "isSecret": True}
    header = {"name": "Authorization", "value": "Bearer {key}", "variables": {"key": key}, **key}
    official: dict[str, Any] = {"status": "active", "isLatest": True}
    if pins:
        official["publishedAt"] = _time(min(pin.changed for pin in pins))
        official["updatedAt"] = _time(max(pin.changed for pin in pins))
    server = {
        "name": f"{space}/{name}",
        "title": name,
        "description": " ".join(description.split())[:100] or f"Tool server {name}",
        "version": version(pins),
        "remotes": [{"type": "streamable-http", "url": f"{base}/mcp/{name}", "headers": [header]}],
    }
    return {"server": server, "_meta": {_META: official}}


def version(pins: Iterable[Pin]) -> str:
    """A version (semver build metadata) made from what is approved."""
    approved = sorted([pin.kind, pin.name, pin.approved] for pin in pins if pin.approved)
    return f"1.0.0+{digest(canonical(approved))[7:19]}"


def page(entries: Sequence[dict[str, Any]], wanted: Asked) -> dict[str, Any]:
    """A page of the list; the cursor is the name of its last entry."""
    found = [
        one
        for one in entries
        if wanted.search in one["server"]["name"].lower()
        and wanted.version in ("latest", one["server"]["version"])
        and one["server"]["name"] > wanted.cursor
    ]
    shown = found[: wanted.limit]
    metadata: dict[str, Any] = {"count": len(shown)}
    if len(found) > len(shown):
        metadata["nextCursor"] = shown[-1]["server"]["name"]
    return {"servers": shown, "metadata": metadata}


def _time(moment: Any) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
