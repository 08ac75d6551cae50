"""A table of nftables (nft(8)) for the service's user or control group: what is not declared is logged and dropped."""

import ipaddress
import re
from collections.abc import Sequence

import msgspec

from app.egress.rules.place import Place


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Whose packets are meant: user ids, or a control group below the root of the hierarchy."""

    users: tuple[int, ...] = ()
    cgroup: str = ""

    def exempts(self) -> str:
        """The rule that leaves all other packets of the host alone."""
        if self.cgroup:
            level = self.cgroup.strip("/").count("/") + 1
            return f'socket cgroupv2 level {level} != "{self.cgroup.strip("/")}" accept'
        return f"meta skuid != {{ {', '.join(map(str, self.users))} }} accept"


def nftables(places: Sequence[Place], *, whose: Whose) -> str:
    """The whole file for `nft -f`; loading it again replaces it."""
    sets, rules = [], []
    for number, place in enumerate(places, 1):
        made, used = _allowed(number, place)
        sets += made
        rules += used
    return "\n".join(
        [
            "# What this site may connect to, made from its profile by `sallyport egress nftables`.",
            "# Load it by: nft -f FILE. Of packets that no process of it sends, nothing is touched.",
            "table inet sallyport_egress",
            "delete table inet sallyport_egress",
            "table inet sallyport_egress {",
            *sets,
            "\tchain output {",
            "\t\ttype filter hook output priority filter; policy accept;",
            f"\t\t{whose.exempts()}",
            '\t\toifname "lo" accept',
            '\t\tct direction reply accept comment "answers to clients"',
            *rules,
            '\t\tlimit rate 10/second log prefix "sallyport egress: " flags skuid',
            '\t\tcounter drop comment "not declared"',
            "\t}",
            "}",
            "",
        ]
    )


def _allowed(number: int, place: Place) -> tuple[list[str], list[str]]:
    """The sets of one destination and the rules that accept it, for each kind of address."""
    sets, rules = [], []
    for version, family in ((4, "ip"), (6, "ip6")):
        addresses = [text for text in place.addresses if ipaddress.ip_address(text).version == version]
        if place.addresses and not addresses:
            continue
        name = f"d{number}_{re.sub('[^A-Za-z0-9]', '_', place.name)[:40]}_v{version}"
        about = f"{place.title}: {_shown(place)}"[:120]
        elements = f" elements = {{ {', '.join(addresses)} }};" if addresses else ""
        sets.append(f'\tset {name} {{ type ipv{version}_addr; comment "{about}";{elements} }}')
        rules.append(f"\t\t{family} daddr @{name} {place.transport} dport {place.port} counter accept")
    return sets, rules


def _shown(place: Place) -> str:
    host = "".join(letter if letter.isalnum() or letter in ".-_:" else " " for letter in place.host)
    return host if place.addresses else f"{host} is a name; put its addresses here"
