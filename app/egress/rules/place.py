"""Destinations with their addresses: literals and /etc/hosts without asking anybody, the resolver only when told to."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from app.core.errors import EgressError
from app.egress.destinations import Destination, checked

HOSTS = Path("/etc/hosts")
RESOLVER = Path("/etc/resolv.conf")
_LARGEST = 1024 * 1024
_MOST_SERVERS = 3
"""As many as resolv.conf(5) takes."""
Look = Callable[[str], Sequence[str]]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where connections may go: `addresses` are known by `source`, which is empty while none is."""

    name: str
    host: str
    port: int
    purpose: str
    transport: str = "tcp"
    addresses: tuple[str, ...] = ()
    source: str = ""

    @property
    def title(self) -> str:
        """For people and comments: nothing in it can end a comment or a quoted text."""
        return "".join(letter if letter.isalnum() or letter in ".-_:" else " " for letter in self.name)


def places(
    declared: Iterable[Destination],
    *,
    hosts: Path = HOSTS,
    resolver: Path = RESOLVER,
    look: Look | None = None,
) -> list[Place]:
    """All of them in the profile's order, and the name servers when a name has to be asked for."""
    table = _hosts(hosts)
    found = [_place(one, table, look) for one in declared]
    if nameless(found, hosts=hosts):
        return found
    return [*found, *_name_servers(resolver)]


def nameless(found: Iterable[Place | Destination], *, hosts: Path = HOSTS) -> bool:
    """Whether no destination makes the resolver ask anybody: all are addresses, or names in /etc/hosts."""
    table = _hosts(hosts)
    return all(_literal(one.host) or one.host.lower() in table for one in found)


def by_resolver(host: str) -> list[str]:
    """What the host's resolver says now; empty when it knows nothing."""
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in answers))


def _place(one: Destination, table: dict[str, list[str]], look: Look | None) -> Place:
    literal = _literal(one.host)
    if literal:
        addresses, source = [literal], "profile"
    elif one.host.lower() in table:
        addresses, source = table[one.host.lower()], "/etc/hosts"
    else:
        addresses, source = (list(look(one.host)), "resolver") if look is not None else ([], "")
    kept = tuple(address for address in addresses if _usable(address))
    return Place(
        name=one.name,
        host=one.host,
        port=one.port,
        purpose=one.purpose,
        addresses=kept,
        source=source if kept else "",
    )


def _literal(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _usable(address: str) -> bool:
    try:
        checked(address)
    except EgressError:
        return False
    return True


def _hosts(path: Path) -> dict[str, list[str]]:
    """Addresses by name in lower case (hosts(5))."""
    found: dict[str, list[str]] = {}
    for words in _words(path):
        if len(words) > 1 and _literal(words[0]):
            for name in words[1:]:
                found.setdefault(name.lower(), []).append(words[0])
    return found


def _name_servers(path: Path) -> list[Place]:
    """One place for each name server and transport (resolv.conf(5))."""
    servers = [
        words[1]
        for words in _words(path)
        if words[0] == "nameserver" and len(words) > 1 and _literal(words[1].partition("%")[0])
    ]
    return [
        Place(
            name=f"resolver.{number}",
            host=address,
            port=53,
            purpose="name server, because a destination is a name",
            transport=transport,
            addresses=(address.partition("%")[0],),
            source=str(path),
        )
        for number, address in enumerate(servers[:_MOST_SERVERS], 1)
        for transport in ("udp", "tcp")
    ]


def _words(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LARGEST)
    except OSError:
        return []
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return [words for words in lines if words]
