"""What the kernel refuses a process that holds itself, in a process of its own: libraries, C code, children."""

import json
import socket
import subprocess
import sys

import pytest

from app.confined import landlock
from app.egress.destinations import Destination
from app.egress.enforcement import wanted
from tests.fix_process import ROOT, clean

PRELUDE = """
import ctypes, json, os, socket, struct, subprocess, sys
from app.config import load
from app.egress import Destination, enforce
declared, other, settings = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
import tempfile, pathlib
path = pathlib.Path(tempfile.mkdtemp()) / "profile.yaml"
path.write_text(json.dumps(settings))
held = enforce(load(path, environment={}), [Destination(name="one", host=sys.argv[4], port=declared)])
def said(attempt):
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "done"
libc = ctypes.CDLL(None, use_errno=True)
def from_c(port):
    sock = libc.socket(2, 1, 0)
    place = struct.pack("=HH4s8x", 2, socket.htons(port), socket.inet_aton("127.0.0.1"))
    if libc.connect(sock, place, len(place)):
        raise OSError(ctypes.get_errno(), "connect")
connecting = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
def child(port, start=subprocess.Popen):
    if start([sys.executable, "-c", connecting, str(port)], stderr=subprocess.DEVNULL).wait():
        raise OSError("child")
"""
OTHER_WAYS = {
    "C code": "lambda: from_c(other)",
    "a child": "lambda: child(other)",
    "a thread": "lambda: __import__('concurrent.futures').futures.ThreadPoolExecutor(1).submit(from_c, other).result()",
    "IPv6-mapped": "lambda: socket.socket(10).connect(('::ffff:127.0.0.1', other))",
    "fast open": "lambda: socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', other))",
    "MPTCP": "lambda: socket.socket(2, 1, 262)",
    "UDP": "lambda: socket.socket(2, 2)",
    "ping": "lambda: socket.socket(2, 2, 1)",
    "raw": "lambda: socket.socket(2, 3, 1)",
    "packet": "lambda: socket.socket(17, 3)",
    "vsock": "lambda: socket.socket(40, 1)",
    "bluetooth": "lambda: socket.socket(31, 1)",
    "resolver": "lambda: socket.getaddrinfo('exfiltrate.example', 80)",
}


def run(expression: str, *, host: str = "127.0.0.1", **settings: object) -> str:
    """What `expression` prints in a process that may connect to one of two listeners on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = [str(one.getsockname()[1]) for one in (first, second)]
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + f"\nprint({expression})", *ports, json.dumps(settings), host],
            cwd=ROOT,
            env=clean(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture(autouse=True)
def _able() -> None:
    if landlock.version() < 4:
        pytest.skip("needs a kernel whose Landlock knows TCP")


def test_no_other_way_out_is_left():
    attempts = ", ".join(f"{name!r}: said({way})" for name, way in OTHER_WAYS.items())
    said = json.loads(run(f"json.dumps({{{attempts}}})"))
    assert {name: how for name, how in said.items() if how == "done"} == {}
    assert set(said) == set(OTHER_WAYS)


def test_the_database_library_is_held_too():
    assert "denied" in run(
        "__import__('psycopg').pq.PGconn.connect("
        "f'host=127.0.0.1 port={other} connect_timeout=2'.encode()).error_message.decode().lower()"
    )


def test_what_is_declared_and_what_stays_on_the_host_is_left():
    ways = ["lambda: from_c(declared)", "lambda: child(declared)", "lambda: socket.socketpair()",
            "lambda: socket.socket(1, 2)", "lambda: socket.create_server(('127.0.0.1', 0))"]  # fmt: skip
    assert run(f"[said(way) for way in [{', '.join(ways)}]]") == str(["done"] * 5)


def test_a_program_with_the_network_is_started_from_outside():
    grant = {"mcp": {"servers": {"free": {"command": ["true"], "network": True}}}}
    assert (
        run("said(lambda: child(other)), said(lambda: child(other, held.outside.fork))", **grant)
        == "OSError done"
    )
    assert run("held.outside") == "None"


def test_nothing_is_held_when_the_profile_says_so():
    assert run("said(lambda: child(other)), held.on", egress={"enforce": "off"}) == "done {}"


def test_names_leave_the_resolver_its_datagrams():
    assert (
        run("said(lambda: socket.socket(2, 2)), said(lambda: from_c(other))", host="tools.example")
        == "done PermissionError"
    )
    assert wanted([Destination(name="a", host="tools.example", port=443)]) == ([53, 443], True)
    assert wanted([Destination(name="a", host="10.0.0.1", port=443)]) == ([443], False)


def test_required_refuses_where_a_thread_was_there_before():
    expression = (
        "__import__('threading').Thread(target=__import__('time').sleep, args=(60,), daemon=True).start() or "
        "enforce(load(path, environment={}), [])"
    )
    assert "egress.enforce is required" in run(expression, egress={"enforce": "required"})
