"""`egress`, `egress tcpdump|nftables|systemd`: the declared places, for people and for other programs."""

import ipaddress
import pwd
from pathlib import Path

import click

from app.cli.site import Output, json_option, site_options, site_profile
from app.config import Profile
from app.core.errors import ConfigError
from app.egress.rules import Place, Whose, nftables, places, systemd, tcpdump
from app.egress.rules.place import by_resolver
from app.server.process import all_places

_RESOLVE = click.option("--resolve", is_flag=True, help="Ask the resolver for the addresses of names.")


def known_places(profile: Profile, *, resolve: bool) -> list[Place]:
    """The declared places with the addresses that can be known."""
    return places(all_places(profile), look=by_resolver if resolve else None)


def unbound(profile: Profile) -> list[str]:
    """Tool programs that the profile lets use the network: no declaration binds them."""
    return [f"mcp.servers.{name}" for name, one in profile.mcp.servers.items() if one.network and one.command]


def show(data: Path | None, profile: Path | None, *, resolve: bool, as_json: bool) -> None:
    """Print them, and whatever is not bound by them."""
    loaded, _ = site_profile(data, profile)
    found, free = known_places(loaded, resolve=resolve), unbound(loaded)
    output = Output(as_json=as_json)
    if as_json:
        output.value({"destinations": found, "unbound": free, "enforce": loaded.egress.enforce})
        return
    output.table(
        found,
        {
            "declared by": lambda place: place.name,
            "host": lambda place: place.host,
            "port": lambda place: f"{place.port}/{place.transport}",
            "why": lambda place: place.purpose,
            "addresses": lambda place: ", ".join(place.addresses) or "a name: --resolve",
        },
    )
    if not found:
        click.echo("Nothing is declared: this site connects to no other place.")
    for name in free:
        click.echo(f"{name}: a program that may connect to any place (network: true).")


@click.command("tcpdump")
@site_options
@_RESOLVE
@json_option
def tcpdump_filter(data: Path | None, profile: Path | None, resolve: bool, as_json: bool) -> None:
    """Print a filter that must stay silent: tcpdump -n -i any -Q out "$(sallyport egress tcpdump)"."""
    loaded, _ = site_profile(data, profile)
    found = known_places(loaded, resolve=resolve)
    text = tcpdump(found)
    _warn(found, "connections to it will be shown")
    Output(as_json=as_json).value({"filter": text}, text)


@click.command("nftables")
@site_options
@_RESOLVE
@click.option(
    "--user",
    "users",
    multiple=True,
    help="User that serves, or its number; repeat. Default: the folder's owner.",
)
@click.option("--cgroup", default="", help="Control group instead, such as system.slice/sallyport.service.")
@json_option
def nftables_rules(
    data: Path | None,
    profile: Path | None,
    *,
    resolve: bool,
    users: tuple[str, ...],
    cgroup: str,
    as_json: bool,
) -> None:
    """Print a table for `nft -f` that drops what the service sends to any other place."""
    loaded, folder = site_profile(data, profile)
    found = known_places(loaded, resolve=resolve)
    text = nftables(found, whose=_whose(users, cgroup, folder))
    _warn(found, "its set is empty, and its packets are dropped until you fill it")
    Output(as_json=as_json).value({"rules": text}, text.rstrip())


@click.command("systemd")
@site_options
@_RESOLVE
@click.option("--clients", multiple=True, help="Network that may call, such as 10.0.0.0/8, or `any`; repeat.")
@json_option
def systemd_fragment(
    data: Path | None, profile: Path | None, resolve: bool, clients: tuple[str, ...], as_json: bool
) -> None:
    """Print a drop-in for the service's unit with IPAddressAllow and its like."""
    loaded, _ = site_profile(data, profile)
    found = known_places(loaded, resolve=resolve)
    text = systemd(found, clients=[_network(one) for one in clients])
    _warn(found, "systemd knows no names, so it cannot be reached")
    Output(as_json=as_json).value({"fragment": text}, text.rstrip())


def _warn(found: list[Place], what: str) -> None:
    for place in found:
        if not place.addresses:
            click.echo(f"{place.name}: the address of {place.host} is not known here: {what}.", err=True)


def _whose(users: tuple[str, ...], cgroup: str, folder: Path) -> Whose:
    if cgroup:
        if not all(letter.isalnum() or letter in "/.-_@:\\" for letter in cgroup):
            raise ConfigError(f"--cgroup: {cgroup!r} is not the path of a control group.")
        return Whose(cgroup=cgroup)
    numbers = tuple(_number(user) for user in users)
    if not numbers and folder.exists():
        numbers = (folder.stat().st_uid,)
    if not numbers or 0 in numbers:
        raise ConfigError(
            "The rules need a user of the service that is not root, or its control group.",
            remedy="Name it: --user sallyport, or --cgroup system.slice/sallyport.service.",
        )
    return Whose(users=numbers)


def _number(user: str) -> int:
    if user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ConfigError(f"--user: there is no user {user!r} here.", remedy="Give its number.") from None


def _network(text: str) -> str:
    if text in ("any", "localhost", "link-local", "multicast"):
        return text
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ConfigError(f"--clients: {text!r} is not a network.", remedy="Write 10.0.0.0/8.") from None
