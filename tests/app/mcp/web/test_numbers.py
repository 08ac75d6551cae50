"""Ports for programs, and who listens on them."""

import os
import socket
import subprocess
import sys

import pytest

from app.core.errors import UpstreamError
from app.mcp.supervisor.host.listening import foreign
from app.mcp.web import Ports


def test_ports_of_the_kernel_are_never_given_twice() -> None:
    ports = Ports()
    found = [ports.take(str(number)) for number in range(200)]
    assert len(set(found)) == 200


def test_port_in_use_is_passed_over_and_one_given_back_is_used_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = Ports(port, port)
        with pytest.raises(UpstreamError, match=r"mcp\.ports"):
            ports.take("one")
    assert ports.take("one") == port
    with pytest.raises(UpstreamError):
        ports.take("two")
    ports.give_back("one")
    assert ports.take("two") == port


def test_listener_of_somebody_else_is_told_from_ones_own() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child,
    ):
        port = listener.getsockname()[1]
        assert not foreign(os.getpid(), port)
        assert foreign(child.pid, port)
        assert not foreign(child.pid, 1), "nobody listens there"
        child.communicate(b"\n")
