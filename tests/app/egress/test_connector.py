"""The way out: only declared places, only addresses that were checked, never on by redirect."""

import asyncio
import socket
from collections.abc import Mapping, Sequence

import pytest

from app.core.errors import EgressError, UpstreamError
from app.egress import Connector, Destination, Destinations, Guard


class Hosts(asyncio.SelectorEventLoop):
    """An event loop whose resolver reads from a table, as a hosts file would."""

    table: Mapping[str, Sequence[str]] = {}

    async def getaddrinfo(self, host, port, **_):
        if host not in self.table:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.table[host]]


def connector(*places: tuple[str, int]) -> Connector:
    destinations = Destinations(Destination(name="x", host=host, port=port) for host, port in places)
    return Connector(destinations=destinations, guard=Guard(destinations))


def run(table: Mapping[str, Sequence[str]], host: str, port: int, *places: tuple[str, int]) -> str:
    """The address that was connected to."""

    async def main() -> str:
        transport, _ = await connector(*places).connect(host, port, asyncio.Protocol, timeout=5)
        try:
            return transport.get_extra_info("peername")[0]
        finally:
            transport.abort()

    loop = Hosts()
    loop.table = table
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "0.0.0.0", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "100.100.100.200"],
)
def test_declared_name_that_resolves_to_a_metadata_address_is_refused(address: str):
    with pytest.raises(EgressError, match="never a destination"):
        run({"models.example": [address]}, "models.example", 80, ("models.example", 80))


@pytest.mark.parametrize("spelling", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
def test_declared_other_spelling_of_a_metadata_address_is_refused(spelling: str):
    async def main() -> None:
        with pytest.raises((EgressError, UpstreamError)):
            await connector((spelling, 80)).connect(spelling, 80, asyncio.Protocol, timeout=2)

    asyncio.run(main())


def test_bad_addresses_of_a_name_are_left_out():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        table = {"models.example": ["169.254.169.254", "127.0.0.1"]}
        assert run(table, "models.example", port, ("models.example", port)) == "127.0.0.1"


def test_undeclared_place_is_not_even_resolved():
    for host, port in (("other.example", 80), ("models.example", 81), ("127.0.0.1", 80)):
        with pytest.raises(EgressError, match="not a declared destination"):
            run({}, host, port, ("models.example", 80))


def test_name_that_nobody_knows_is_an_upstream_failure():
    with pytest.raises(UpstreamError, match="cannot be resolved"):
        run({}, "models.example", 80, ("models.example", 80))


def test_port_where_nobody_listens_is_an_upstream_failure():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UpstreamError, match="cannot be reached"):
        run({}, "127.0.0.1", port, ("127.0.0.1", port))
