"""One bundle of authorities holds for clients of this process, for libpq and for tool programs."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config.schema import Egress
from app.config.tools import Mcp, McpServer
from app.core.errors import ConfigError
from app.egress.trust import child_trust, client_context, trust_of_libpq
from app.mcp.upstream.servers import program_of
from tests.simulators.authority import Authority

TRYING = """
import socket, ssl, sys
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
ssl.create_default_context().wrap_socket(line, server_hostname="localhost")
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def port(authority: Authority) -> Iterator[int]:
    """A TLS server whose certificate the site's own authority issued."""
    context = authority.server()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
                context.wrap_socket(line, server_side=True).close()
            except OSError as error:
                if listener.fileno() < 0 or error.errno == 22:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def environment(folder: Path, trust: str, *, network: bool) -> dict[str, str]:
    settings = Mcp(servers={"one": McpServer(command=("true",), network=network)})
    return dict(program_of("one", settings, own={}, data=folder, trust=trust).environment)


def reaches(port: int, variables: dict[str, str]) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", TRYING, str(port)], env=variables, capture_output=True, timeout=60, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize("system", [True, False])
def test_a_program_with_the_network_trusts_the_sites_authority(
    authority: Authority, port: int, tmp_path: Path, system: bool
):
    trust = child_trust(Egress(ca_bundle=str(authority.ca), system_trust=system), tmp_path)
    assert reaches(port, environment(tmp_path, trust, network=True))
    assert not reaches(port, environment(tmp_path, "", network=True))


def test_the_file_of_a_program_can_be_read_in_its_confinement(authority: Authority, tmp_path: Path):
    trust = child_trust(Egress(ca_bundle=str(authority.ca)), tmp_path)
    settings = Mcp(servers={"one": McpServer(command=("true",), network=True)})
    assert trust in program_of("one", settings, own={}, data=tmp_path, trust=trust).confinement.read
    assert Path(trust).stat().st_mode & 0o777 == 0o644


def test_a_program_without_the_network_is_given_nothing(tmp_path: Path):
    assert "SSL_CERT_FILE" not in environment(tmp_path, "/trust.pem", network=False)


def test_what_the_entry_says_stands_above(tmp_path: Path):
    from app.config.secret import Secret

    server = McpServer(command=("true",), network=True, environment={"SSL_CERT_FILE": Secret("/mine.pem")})
    made = program_of("one", Mcp(servers={"one": server}), own={}, data=tmp_path, trust="/trust.pem")
    assert made.environment["SSL_CERT_FILE"] == "/mine.pem"


def test_libpq_gets_the_bundle_unless_it_has_one(authority: Authority):
    variables: dict[str, str] = {}
    trust_of_libpq(Egress(ca_bundle=str(authority.ca)), variables)
    assert variables == {"PGSSLROOTCERT": str(authority.ca)}
    given = {"PGSSLROOTCERT": "/other.pem"}
    trust_of_libpq(Egress(ca_bundle=str(authority.ca)), given)
    assert given == {"PGSSLROOTCERT": "/other.pem"}
    trust_of_libpq(Egress(), variables := {})
    assert variables == {}


def test_without_a_bundle_programs_trust_the_host(tmp_path: Path):
    assert child_trust(Egress(), tmp_path) == ""


def test_an_unusable_bundle_is_one_clear_sentence(tmp_path: Path):
    (tmp_path / "bad.pem").write_text("nothing")
    for path in ("bad.pem", "missing.pem"):
        with pytest.raises(ConfigError, match=r"egress\.ca_bundle: .* PEM file"):
            client_context(Egress(ca_bundle=str(tmp_path / path)))
