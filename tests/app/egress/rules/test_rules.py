"""The rules made from a profile are what the real tools take, whatever stands in it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from app.egress.destinations import Destination
from app.egress.rules import Place, Whose, nameless, nftables, places, systemd, tcpdump

DECLARED = [
    Destination(name="providers.near", host="10.0.0.5", port=443, purpose="AI provider"),
    Destination(name="providers.near-again", host="10.0.0.5", port=443, purpose="AI provider"),
    Destination(name="sinks.six", host="fd00::7", port=6514, purpose="the record's sink"),
    Destination(name="database", host="db.site", port=5432, purpose="PostgreSQL"),
    Destination(name="mcp.servers.far", host="tools.example", port=8443, purpose="tool server"),
    Destination(name='evil"; }\n# x', host="10.0.0.6", port=1, purpose='"; flush ruleset'),
    Destination(name="metadata", host="169.254.169.254", port=80),
]


@pytest.fixture
def known(tmp_path: Path) -> list[Place]:
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n10.0.0.9 DB.site db # the database\nnot-an-address db.site\n")
    resolver.write_text(
        "# none\nnameserver 10.0.0.53\nnameserver fe80::1%eth0\nnameserver nonsense\nsearch x\n"
    )
    return places(DECLARED, hosts=hosts, resolver=resolver)


def by_name(known: list[Place]) -> dict[str, Place]:
    return {f"{place.name}/{place.transport}": place for place in known}


def test_addresses_come_from_the_profile_and_the_hosts_file_and_nobody_is_asked(known: list[Place]):
    found = by_name(known)
    assert found["providers.near/tcp"].addresses == ("10.0.0.5",)
    assert (found["database/tcp"].addresses, found["database/tcp"].source) == (("10.0.0.9",), "/etc/hosts")
    assert (found["mcp.servers.far/tcp"].addresses, found["mcp.servers.far/tcp"].source) == ((), "")


def test_a_name_makes_the_name_servers_destinations(known: list[Place]):
    assert by_name(known)["resolver.1/udp"].addresses == ("10.0.0.53",)
    assert not [place for place in places(DECLARED[:3]) if place.name.startswith("resolver")]


def test_addresses_that_are_never_destinations_are_in_no_rule(known: list[Place]):
    assert by_name(known)["metadata/tcp"].addresses == ()
    for text in (tcpdump(known), nftables(known, whose=Whose(users=(9,))), systemd(known, clients=[])):
        assert "169.254.169.254" not in text.replace("169.254.169.254 is a name", "")


def test_resolver_is_asked_only_for_names_when_told_to():
    asked: list[str] = []

    def look(host: str) -> list[str]:
        asked.append(host)
        return ["10.0.0.77", "169.254.169.254"]

    found = places(DECLARED[:3] + DECLARED[4:5], look=look)
    assert asked == ["tools.example"]
    assert by_name(found)["mcp.servers.far/tcp"].addresses == ("10.0.0.77",)


def test_names_in_the_hosts_file_need_no_resolver(tmp_path: Path):
    hosts = tmp_path / "hosts"
    hosts.write_text("10.0.0.9 db.site\n")
    assert nameless(DECLARED[:4], hosts=hosts)
    assert not nameless(DECLARED, hosts=hosts)
    assert not nameless(DECLARED[:4], hosts=tmp_path / "missing")


def test_tcpdump_compiles_the_filter(known: list[Place]):
    if shutil.which("tcpdump") is None:
        pytest.skip("needs tcpdump")
    for link in ("EN10MB", "LINUX_SLL2", "RAW"):
        done = subprocess.run(
            ["tcpdump", "-y", link, "-d", tcpdump(known)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_nft_loads_the_rules_and_loads_them_again(known: list[Place], tmp_path: Path):
    if os.geteuid() or shutil.which("nft", path="/usr/sbin:/sbin") is None or not shutil.which("unshare"):
        pytest.skip("needs root and nft")
    rules = nftables(known, whose=Whose(users=(65534, 7)))
    path = tmp_path / "egress.nft"
    path.write_text(rules)
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", 'nft -f "$0" && nft -f "$0" && nft list ruleset', path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("table inet sallyport_egress") == 1
    assert "10.0.0.5" in done.stdout
    assert "skuid" in done.stdout
    assert "flush ruleset" not in rules


def test_systemd_takes_the_fragment(known: list[Place], tmp_path: Path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    unit = tmp_path / "sallyport-check.service"
    fragment = systemd(known, clients=["10.0.0.0/8", "any"])
    unit.write_text(fragment + "ExecStart=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(unit) not in done.stderr
    unit.write_text(
        fragment.replace("IPAddressAllow=10.0.0.5", "IPAddressAllow=10.0.0.500") + "ExecStart=/bin/true\n"
    )
    broken = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False
    )
    assert "10.0.0.500" in broken.stderr
