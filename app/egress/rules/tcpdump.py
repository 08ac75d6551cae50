"""What must stay silent, as an expression of pcap-filter(7): every connection begun here, and every datagram."""

import ipaddress
from collections.abc import Sequence

from app.egress.rules.place import Place

_BEGINNING = (
    "((ip and ((tcp and tcp[13] & 0x12 = 0x02) or not tcp))"
    " or (ip6 and ((ip6[6] = 6 and ip6[53] & 0x12 = 0x02) or not ip6[6] = 6)))"
)
"""A SYN without ACK opens a connection; an answer to a client is none. Other protocols are shown whole."""
_OWN = "not ((src net 127.0.0.0/8 and dst net 127.0.0.0/8) or (src host ::1 and dst host ::1))"
_KERNEL = "not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137) and not (ip6 and dst host ff02::16)"
"""Neighbour discovery and multicast reports, which any interface with IPv6 sends by itself (RFC 4861, RFC 3810)."""


def tcpdump(places: Sequence[Place]) -> str:
    """One line, for `tcpdump -n -i any -Q out`; destinations without a known address are not taken out."""
    allowed = [
        f"not ({place.transport} and dst host {address} and dst port {place.port})"
        for place in places
        for address in place.addresses
        if not ipaddress.ip_address(address).is_loopback
    ]
    return " and ".join([_BEGINNING, _OWN, _KERNEL, *dict.fromkeys(allowed)])
