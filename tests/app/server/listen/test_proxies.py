"""Only declared proxies are believed about who calls, and only about what they themselves appended."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.schema import Listen
from app.core.errors import ConfigError
from app.server.listen.proxies import Proxies

BEHIND = Proxies(Listen(proxies=("10.0.0.7", "10.1.0.0/16", "fd00::/64")))


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("192.0.2.1", ["198.51.100.5"], "192.0.2.1"),
        ("10.0.0.7", ["198.51.100.5"], "198.51.100.5"),
        ("::ffff:10.0.0.7", ["198.51.100.5"], "198.51.100.5"),
        ("10.0.0.7", ["127.0.0.1, 198.51.100.5"], "198.51.100.5"),
        ("10.0.0.7", ["127.0.0.1", "198.51.100.5, 10.1.2.3"], "198.51.100.5"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", ["unknown"], "10.0.0.7"),
        ("10.0.0.7", ["198.51.100.5, nonsense, 10.1.2.3"], "10.1.2.3"),
        ("fd00::1", ["2001:DB8::5"], "2001:db8::5"),
        ("10.0.0.7", ["10.1.2.3"], "10.1.2.3"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_calls(peer: str, headers: list[str], client: str):
    assert BEHIND.client(peer, headers) == client


@given(st.ip_addresses(), st.lists(st.text(max_size=40), max_size=4))
def test_without_declared_proxies_nobody_is_believed(peer: object, headers: list[str]):
    assert Proxies(Listen()).client(str(peer), headers) == str(peer)


@given(st.lists(st.text(max_size=60), max_size=6))
def test_whatever_is_written_the_result_is_an_address(headers: list[str]):
    ipaddress.ip_address(BEHIND.client("10.0.0.7", headers))


def test_a_proxy_that_is_no_address_is_refused():
    with pytest.raises(ConfigError, match=r"listen\.proxies: 'nginx' is not an address"):
        Proxies(Listen(proxies=("nginx",)))
