"""The client's address behind declared reverse proxies; from anybody else the header is what anybody can write."""

import ipaddress
from collections.abc import Sequence

from app.config.schema import Listen
from app.core.errors import ConfigError

_MOST = 32
"""Addresses in the header that are looked at."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """Who is believed; ConfigError when the profile does not name networks."""

    def __init__(self, settings: Listen) -> None:
        self.header = settings.proxy_header
        self._networks = [_network(text) for text in settings.proxies]

    def client(self, peer: str, headers: Sequence[str]) -> str:
        """The address nearest to us that is no proxy of ours, or `peer` where nothing believable is said.

        `headers` are the values of the header in their order; each proxy appends whom it got the request from.
        """
        if not self._believed(peer):
            return peer
        said = [one.strip() for one in ",".join(headers).split(",")][-_MOST:]
        found = peer
        for text in reversed(said):
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                return found
            found = str(address)
            if not self._believed(found):
                return found
        return found

    def _believed(self, text: str) -> bool:
        if not self._networks:
            return False
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ConfigError(
            f"listen.proxies: {text!r} is not an address or a network.",
            remedy="Write 10.0.0.7 or 10.0.0.0/24.",
        ) from None
