"""A fragment for the unit of the service (systemd.resource-control(5), systemd.exec(5)).

`IPAddressAllow` knows addresses and no ports, and holds for packets in both directions: clients have to be named too.
"""

from collections.abc import Sequence

from app.egress.rules.place import Place


def systemd(places: Sequence[Place], *, clients: Sequence[str]) -> str:
    """A drop-in such as /etc/systemd/system/sallyport.service.d/egress.conf."""
    lines = [
        "# What this site may connect to, made from its profile by `sallyport egress systemd`.",
        "[Service]",
        "IPAccounting=yes",
        "IPAddressDeny=any",
        "IPAddressAllow=localhost",
    ]
    if not clients:
        lines.append("# Nobody beyond this host may call: name the clients' networks by --clients.")
    for network in clients:
        lines += ["# clients", f"IPAddressAllow={network}"]
    for place in places:
        lines.append(f"# {place.title}, {place.transport} port {place.port}")
        if not place.addresses:
            lines.append("# its host is a name that no rule of systemd can hold: use --resolve, or nftables")
        lines += [f"IPAddressAllow={address}" for address in place.addresses]
    lines += ["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", ""]
    return "\n".join(lines)
