"""The declared destinations: all places this site may connect to."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

from app.config.gateway.models import Provider
from app.config.schema import Profile
from app.config.tools import Mcp
from app.core.errors import ConfigError, EgressError

SERVERS, PROVIDERS = "mcp.servers", "providers"
"""The sections of the profile whose destinations may come and go while serving."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Cloud metadata services; link-local ones are refused as such.
_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})
_BROADCAST = ipaddress.ip_address("255.255.255.255")
_LOOPBACK = ipaddress.ip_address("::1")
_LAST_IS_IPV4 = tuple(
    ipaddress.IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One place: `name` says which key of the profile declares it."""

    name: str
    host: str
    port: int
    purpose: str = ""


class Destinations:
    """The set that may be connected to; everything else is refused."""

    def __init__(self, declared: Iterable[Destination]) -> None:
        self._declared = tuple(declared)
        self._index()

    def _index(self) -> None:
        self._by_place = {(entry.host.lower(), entry.port): entry for entry in self._declared}
        self._hosts = frozenset(host for host, _ in self._by_place)

    def exchange(self, section: str, fresh: Iterable[Destination]) -> tuple[list[str], list[str]]:
        """Let `fresh` be the destinations of this section of the profile (`mcp.servers`) from now on.

        Returns the places that are open since then, and those that are closed; a place that another section
        declares too stays open.
        """
        before = set(self._by_place)
        kept = (one for one in self._declared if not one.name.startswith(f"{section}."))
        self._declared = (*kept, *fresh)
        self._index()
        now = set(self._by_place)
        return _places(now - before), _places(before - now)

    def __iter__(self) -> Iterator[Destination]:
        return iter(self._by_place.values())

    def find(self, host: str, port: int) -> Destination:
        """The declared destination; EgressError names the place and the remedy."""
        found = self._by_place.get((host.lower(), port))
        if found is None:
            raise EgressError(
                f"{host}:{port} is not a declared destination.",
                remedy="Declare it in the profile (providers, mcp.servers, sinks or egress.destinations).",
            )
        return found

    def names(self, host: str, port: int) -> bool:
        """Whether this very place is declared."""
        return (host.lower(), port) in self._by_place

    def names_host(self, host: str) -> bool:
        """Whether a look-up of this host name is expected."""
        return host.lower() in self._hosts


def _places(found: set[tuple[str, int]]) -> list[str]:
    return sorted(f"{host}:{port}" for host, port in found)


def of_servers(mcp: Mcp) -> Iterator[Destination]:
    """Those of the remote tool servers; ConfigError when a URL is none."""
    for name, server in mcp.servers.items():
        if server.url:
            yield from_url(server.url, name=f"{SERVERS}.{name}", purpose="tool server")
        for issuer in server.oauth.issuers:
            yield from_url(issuer, name=f"{SERVERS}.{name}.oauth.issuers", purpose="authorization server")


def of_providers(providers: Mapping[str, Provider]) -> Iterator[Destination]:
    """Those of the AI providers; ConfigError when a URL is none."""
    for name, provider in providers.items():
        yield from_url(provider.url, name=f"{PROVIDERS}.{name}", purpose="AI provider")


def declared(profile: Profile) -> Iterator[Destination]:
    """All destinations a profile names, the database aside: libpq connects to that one itself."""
    yield from of_providers(profile.providers)
    yield from of_servers(profile.mcp)
    for name, witness in profile.record.witnesses.items():
        yield from_url(witness.url, name=f"record.witnesses.{name}", purpose="witness of the record")
    for name, vault in profile.secrets.vaults.items():
        yield from_url(vault.url, name=f"secrets.vaults.{name}", purpose="secrets pulled from a vault")
    for name, sink in profile.sinks.items():
        if sink.url:
            yield from_url(sink.url, name=f"sinks.{name}", purpose="the record's sink")
        elif sink.address:
            host, _, port = sink.address.rpartition(":")
            host = host.strip("[]")
            yield Destination(name=f"sinks.{name}", host=host, port=int(port), purpose="the record's sink")
    for name, entry in profile.egress.destinations.items():
        yield Destination(name=f"egress.{name}", host=entry.host, port=entry.port, purpose=entry.purpose)


def from_url(url: str, *, name: str, purpose: str) -> Destination:
    """The destination of an http(s) URL; ConfigError when it is not a plain one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ConfigError(
            f"{name}.url: {url!r} is not a plain http or https URL.", remedy="Write https://HOST[:PORT]/PATH."
        )
    return Destination(
        name=name, host=parts.hostname, port=port or (443 if parts.scheme == "https" else 80), purpose=purpose
    )


def checked(address: str) -> Address:
    """The parsed address; EgressError for one that is never a destination, however it is written."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if any(_never(meant) for meant in _meanings(parsed)):
        raise EgressError(
            f"{address} is a link-local, metadata, multicast or unspecified address.",
            remedy="Such an address is never a destination; correct the name or its DNS entry.",
        )
    return parsed


def _never(address: Address) -> bool:
    return (
        address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA
        or address == _BROADCAST
    )  # fmt: skip


def _meanings(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 one that a host or gateway may take it for (RFC 4291, RFC 3056, RFC 6052)."""
    yield address
    if isinstance(address, ipaddress.IPv6Address) and address != _LOOPBACK:
        if any(address in network for network in _LAST_IS_IPV4):
            yield ipaddress.IPv4Address(address.packed[-4:])
        if address.sixtofour is not None:
            yield address.sixtofour
