"""The tripwire in a real process: whoever tries, by whatever library, is refused before a socket opens, and named."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.fix_process import ROOT, clean

PRELUDE = """
import asyncio, http.client, logging, socket, sys, urllib.request
from app.core.errors import EgressError
from app.egress import Connector, Destination, Destinations, Guard, guarded_loop
logging.basicConfig(format="%(message)s")
destinations = Destinations([Destination(name="one", host="127.0.0.1", port=int(sys.argv[2]))])
guard = Guard(destinations)
watch = guard.watching()
watch.__enter__()
connector = Connector(destinations=destinations, guard=guard)
undeclared, port = "127.0.0.1", int(sys.argv[1])
def the_culprit():
    return attempt()
def fast(main):
    with asyncio.Runner(loop_factory=lambda: guarded_loop(guard)) as runner:
        return runner.run(main)
"""
EPILOGUE = """
import traceback
try:
    the_culprit()
except BaseException as error:
    while error is not None and not isinstance(error, EgressError):
        error = error.__cause__ or error.__context__ or getattr(error, "reason", None)
    print("REFUSED" if error is not None else traceback.format_exc())
else:
    print("NOT REFUSED")
"""
ATTEMPTS = {
    "socket.connect": "def attempt(): socket.socket().connect((undeclared, port))",
    "connect_ex": "def attempt(): return socket.socket().connect_ex((undeclared, port))",
    "create_connection": "def attempt(): socket.create_connection((undeclared, port))",
    "IPv6-mapped": "def attempt(): socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', port))",
    "UDP sendto": "def attempt(): socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', (undeclared, port))",
    "UDP sendmsg": "def attempt(): socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, (undeclared, port))",
    "DNS getaddrinfo": "def attempt(): socket.getaddrinfo('exfiltrate.example', 80)",
    "DNS gethostbyname": "def attempt(): socket.gethostbyname('exfiltrate.example')",
    "DNS gethostbyname_ex": "def attempt(): socket.gethostbyname_ex('exfiltrate.example')",
    "reverse DNS": "def attempt(): socket.gethostbyaddr('192.0.2.1')",
    "reverse DNS by getnameinfo": "def attempt(): socket.getnameinfo(('192.0.2.1', 80), 0)",
    "urllib": "def attempt(): urllib.request.urlopen(f'http://{undeclared}:{port}/')",
    "http.client": "def attempt(): http.client.HTTPConnection(undeclared, port).request('GET', '/')",
    "asyncio": "def attempt(): asyncio.run(asyncio.open_connection(undeclared, port))",
    "asyncio with a name": "def attempt(): asyncio.run(asyncio.open_connection('exfiltrate.example', port))",
    "uvloop": "def attempt(): fast(asyncio.open_connection(undeclared, port))",
    "uvloop with a name": "def attempt(): fast(asyncio.open_connection('exfiltrate.example', port))",
    "uvloop getaddrinfo": """
async def look(): await asyncio.get_running_loop().getaddrinfo('exfiltrate.example', 80)
def attempt(): fast(look())""",
    "uvloop getnameinfo": """
async def look(): await asyncio.get_running_loop().getnameinfo(('192.0.2.1', 80))
def attempt(): fast(look())""",
    "uvloop sock_connect": """
async def go():
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (undeclared, port))
def attempt(): fast(go())""",
    "uvloop UDP": """
async def go():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(undeclared, port))
def attempt(): fast(go())""",
    "uvloop UDP without a peer": """
async def go():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=('127.0.0.1', 0))
    transport.sendto(b'x', (undeclared, port))
def attempt(): fast(go())""",
    "aiohttp client": """
import aiohttp
async def go():
    async with aiohttp.ClientSession() as session, session.get(f'http://{undeclared}:{port}/'):
        pass
def attempt(): fast(go())""",
    "connector": """
async def go(): await connector.connect(undeclared, port, asyncio.Protocol)
def attempt(): fast(go())""",
    "connector to metadata": """
async def go(): await connector.connect('169.254.169.254', 80, asyncio.Protocol)
def attempt(): fast(go())""",
}


@pytest.fixture(scope="module")
def forbidden() -> Iterator[tuple[int, list[str]]]:
    """A port, TCP and UDP, that nobody may reach, and who did."""
    reached: list[str] = []
    tcp = socket.create_server(("127.0.0.1", 0))
    port = tcp.getsockname()[1]
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))

    def listen(sock: socket.socket) -> None:
        while True:
            try:
                reached.append(str(sock.accept() if sock is tcp else sock.recvfrom(10)))
            except OSError:
                return

    threads = [threading.Thread(target=listen, args=(sock,), daemon=True) for sock in (tcp, udp)]
    for thread in threads:
        thread.start()
    yield port, reached
    for sock in (tcp, udp):
        sock.shutdown(socket.SHUT_RDWR) if sock is tcp else sock.close()
    tcp.close()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_undeclared_place_is_refused_before_a_socket_opens(forbidden: tuple[int, list[str]], name: str):
    port, reached = forbidden
    done = run(ATTEMPTS[name], port, 1)
    assert done.stdout.strip() == "REFUSED", done.stdout + done.stderr
    assert reached == []
    if not name.startswith("connector"):
        assert "egress refused: " in done.stderr
        if name.startswith("asyncio"):
            return  # there the attempt is a task or thread of its own
        assert "attempt" in done.stderr or "go (" in done.stderr or "look (" in done.stderr, done.stderr


def test_declared_place_is_reached_by_the_connector():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(
            f"async def go():\n  transport, _ = await connector.connect('127.0.0.1', {port}, asyncio.Protocol)\n"
            "  transport.close()\ndef attempt(): fast(go())",
            1,
            port,
        )
    assert done.stdout.strip() == "NOT REFUSED", done.stdout + done.stderr


def run(code: str, port: int, declared: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code + EPILOGUE, str(port), str(declared)],
        cwd=ROOT,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
