"""Behind a real nginx, set up as the manual says: streams come through at once, and the record knows the client."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.demo.script import Script
from tests.fix_process import ROOT, Program, Provider
from tests.fix_server import free_port

pytestmark = pytest.mark.slow
CLIENT = "127.0.0.9"
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


def location_of_the_manual(upstream: str) -> str:
    page = (ROOT / "docs" / "operators" / "egress.md").read_text(encoding="utf-8")
    found = re.search(r"```nginx\n(.*?)```", page, re.DOTALL)
    assert found is not None
    lines = [line for line in found[1].splitlines() if "proxy_ssl" not in line]
    return "\n".join(lines).replace("https://127.0.0.1:8443", upstream)


@contextmanager
def nginx(folder: Path, upstream: str) -> Iterator[int]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        pytest.skip("needs nginx")
    port = free_port()
    folder.mkdir()
    text = NGINX.format(
        folder=folder, port=port, location=location_of_the_manual(upstream), user="user root;"
    )
    (folder / "nginx.conf").write_text(text)
    process = subprocess.Popen(
        [program, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    )
    try:
        while True:
            assert process.poll() is None, (folder / "error.log").read_text()
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
        yield port
    finally:
        process.terminate()
        process.wait(30)


def beginning(port: int, key: str) -> bytes:
    """What arrives of a streamed answer whose end never comes, asked for from an address of the client's own."""
    body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "count"}]}
    sent = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nX-Forwarded-For: 203.0.113.7\r\n"
        f"Content-Length: {len(sent)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(CLIENT, 0)) as line:
        line.sendall(head.encode() + sent)
        said = b""
        while b"data: " not in said:
            piece = line.recv(65536)
            assert piece, said
            said += piece
    return said


def test_streams_are_not_held_back_and_the_client_is_recorded(database: str, tmp_path: Path) -> None:
    with Provider({"slow": Script(fault="hang")}) as provider:
        program = Program(tmp_path, database=database, provider=provider.url)
        text = program.profile.read_text()
        program.profile.write_text(text.replace("listen: {", "listen: {proxies: [127.0.0.1], "))
        with program.serving() as server, nginx(tmp_path / "nginx", server.url) as port:
            assert b" 200 " in beginning(port, program.key()).splitlines()[0]
    (row,) = program.rows(
        "SELECT address FROM audit_events WHERE action = 'model.invoke' AND kind = 'intent'"
    )
    assert row["address"] == CLIENT
