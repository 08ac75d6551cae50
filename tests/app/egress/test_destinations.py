"""What may be connected to, and addresses that never are, in every spelling."""

import pytest

from app.config import load
from app.core.errors import ConfigError, EgressError
from app.egress import Destination, Destinations
from app.egress.destinations import checked, declared, from_url

NEVER = [
    "169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe",
    "64:ff9b::169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "::",
    "::ffff:0.0.0.0", "224.0.0.1", "239.255.255.250", "ff02::1", "::ffff:224.0.0.1", "255.255.255.255",
    "::ffff:255.255.255.255", "2002:a9fe:a9fe::1", "::169.254.169.254",
]  # fmt: skip


@pytest.mark.parametrize("address", NEVER)
def test_metadata_link_local_and_multicast_are_never_destinations(address: str):
    with pytest.raises(EgressError, match="never a destination"):
        checked(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.168.7.9", "127.0.0.1", "::1", "fd12::1", "8.8.8.8", "2001:db8::1"]
)
def test_ordinary_and_private_addresses_may_be_declared(address: str):
    assert str(checked(address)) == address


@pytest.mark.parametrize(
    "spelling",
    ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "127.1", "1"],
)
def test_other_spellings_of_addresses_are_no_addresses(spelling: str):
    with pytest.raises(ValueError, match=spelling):
        checked(spelling)


def test_only_the_declared_place_is_found():
    places = Destinations([Destination(name="a", host="Models.Example", port=443)])
    assert places.find("models.example", 443).name == "a"
    for host, port in (("models.example", 80), ("other.example", 443), ("models.example.", 443), ("", 443)):
        with pytest.raises(EgressError, match="not a declared destination"):
            places.find(host, port)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "https://",
        "https://user:pw@a/",
        "a",
        "file:///etc",
        "https://a:99999/",
        "https://[::1",
        "//a/b",
    ],
)
def test_unusable_url_is_one_clear_sentence(url: str):
    with pytest.raises(ConfigError, match=r"^x\.url: .* Write https://HOST"):
        from_url(url, name="x", purpose="test")


def test_every_outbound_place_of_a_profile_is_declared(tmp_path):
    profile = tmp_path / "profile.yaml"
    profile.write_text(
        "providers: {p: {dialect: openai, url: 'http://models.example:8000/v1'}}\n"
        "mcp: {servers: {far: {url: 'https://tools.example/mcp'}, near: {command: [cat]}}}\n"
        "egress: {destinations: {siem: {host: 10.1.2.3, port: 514}}}\n"
    )
    found = {(entry.name, entry.host, entry.port) for entry in declared(load(profile, environment={}))}
    assert found == {
        ("providers.p", "models.example", 8000),
        ("mcp.servers.far", "tools.example", 443),
        ("egress.siem", "10.1.2.3", 514),
    }
