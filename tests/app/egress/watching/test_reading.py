"""Tables of sockets and packets are read as the kernel writes them; nonsense is passed over."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.egress.watching import find_server, packets, sockets
from tests.fix_process import ROOT, clean

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
IPV4, IPV6 = 0x0800, 0x86DD


def tcp(flags: int) -> bytes:
    return struct.pack("!HHIIBBHHH", 40000, 443, 1, 0, 0x50, flags, 1024, 0, 0)


def ipv4(protocol: int, payload: bytes, fragment: int = 0) -> bytes:
    return struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0, b"\x0a\0\0\1", b"\xc0\0\2\7"
    ) + payload  # fmt: skip


def ipv6(following: int, payload: bytes) -> bytes:
    source, target = (socket.inet_pton(socket.AF_INET6, text) for text in ("fd00::1", "2001:db8::7"))
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 64) + source + target + payload


def test_a_line_of_the_table_is_a_socket():
    line = (
        "   0: 0100007F:1F90 0700000A:01BB 02 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0"
    )
    (one,) = sockets.parse(HEAD + line + "\n", transport="tcp")
    assert (one.local, one.local_port, one.peer, one.peer_port) == ("127.0.0.1", 8080, "10.0.0.7", 443)
    assert (one.uid, one.inode, one.listening) == (1000, 12345, False)


def test_an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_address():
    address = "0000000000000000FFFF00000700000A"
    line = f"   0: {'0' * 32}:1F90 {address}:01BB 01 0:0 00:0 00000000  0        0 5 1 0"
    (one,) = sockets.parse(HEAD + line + "\n", transport="tcp")
    assert one.peer == "10.0.0.7"


def test_own_sockets_are_found_with_their_owner():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as here,
    ):
        inode = os.fstat(here.fileno()).st_ino
        found = [one for one in sockets.table("self") if one.inode == inode]
        assert [(one.peer, one.peer_port) for one in found] == [server.getsockname()]
        assert inode in sockets.inodes(os.getpid())


def test_only_the_beginning_of_a_connection_counts():
    assert packets.parse(ipv4(6, tcp(0x02)), IPV4) == packets.Packet(
        transport="tcp", source="10.0.0.1", source_port=40000, target="192.0.2.7", target_port=443
    )
    for flags in (0x12, 0x10, 0x18, 0x04):
        assert packets.parse(ipv4(6, tcp(flags)), IPV4) is None


def test_every_datagram_counts_and_neighbour_discovery_does_not():
    question = packets.parse(ipv4(17, struct.pack("!HHHH", 5353, 53, 8, 0)), IPV4)
    assert question is not None
    assert (question.transport, question.target_port) == ("udp", 53)
    for kind in (133, 135, 136, 143):
        assert packets.parse(ipv6(58, bytes([kind, 0, 0, 0])), IPV6) is None
        assert packets.parse(ipv6(0, struct.pack("!BB6x", 58, 0) + bytes([kind, 0, 0, 0])), IPV6) is None
    echo = packets.parse(ipv6(58, bytes([128, 0, 0, 0])), IPV6)
    assert echo is not None
    assert echo.target == "2001:db8::7"


def test_a_connection_behind_extension_headers_is_seen():
    hidden = struct.pack("!BB6x", 60, 0) + struct.pack("!BB6x", 6, 0) + tcp(0x02)
    found = packets.parse(ipv6(0, hidden), IPV6)
    assert found is not None
    assert (found.transport, found.target_port) == ("tcp", 443)


@given(st.binary(max_size=120), st.sampled_from([IPV4, IPV6, 0x0806]))
def test_no_packet_is_too_strange(data: bytes, protocol: int):
    found = packets.parse(data, protocol)
    assert found is None or 0 <= found.target_port <= 65535


@given(st.text(max_size=80))
def test_no_table_is_too_strange(text: str):
    for one in sockets.parse(HEAD + text, transport="udp"):
        assert not one.listening


def test_the_capture_sees_what_leaves_and_not_what_stays():
    if os.geteuid() or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs root and a network namespace")
    script = """
        ip link set lo up && ip link add here type veth peer name there && ip link set here up && ip link set there up
        ip address add 10.77.9.1/24 dev here && exec "$0" -c "$1"
    """
    looking = """
import select, socket
from app.egress.watching.packets import Capture
udp = socket.socket(type=socket.SOCK_DGRAM)
with Capture() as capture:
    udp.sendto(b"x", ("127.0.0.1", 9))
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    udp.sendto(b"x", ("10.77.9.255", 53))
    found = []
    while not found:
        select.select([capture], [], [], 60)
        found = [one for one in capture.outgoing() if one.transport == "udp"]
    print(*((one.target, one.target_port) for one in found))
"""
    done = subprocess.run(
        ["unshare", "--net", "sh", "-euc", script, sys.executable, looking],
        cwd=ROOT, env=clean(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "('10.77.9.255', 53)", done.stderr


def test_the_server_is_who_holds_this_very_lock(tmp_path: Path):
    with (tmp_path / "serve.lock").open("w") as lock:
        assert find_server(tmp_path) is None
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert find_server(tmp_path) == os.getpid()
    assert find_server(tmp_path) is None
    assert find_server(tmp_path / "missing") is None
