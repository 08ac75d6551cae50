"""One server process for all hostile input: whatever it was sent, the next caller is served."""

import socket
from collections.abc import Iterator

import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.fix_process import Process, Program, Provider

PATIENCE = 10.0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as it stood on the wire; status 0: the connection ended without one."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""
    rest: bytes = b""


class Target:
    """The server, spoken to in raw bytes."""

    def __init__(self, process: Process, provider: Provider, key: str) -> None:
        self.process = process
        self.provider = provider
        self.key = key

    def connect(self) -> socket.socket:
        """A connection that waits no longer than a peer would."""
        return socket.create_connection(("127.0.0.1", self.process.port), timeout=PATIENCE)

    def send(self, *pieces: bytes) -> Reply:
        """Send the bytes and read the first answer; TimeoutError is a hang."""
        with self.connect() as sock:
            try:
                for piece in pieces:
                    sock.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it had seen enough; the answer may still be there
            return read_reply(sock)

    def head(self, method: str, path: str, *headers: str, key: str | None = None) -> bytes:
        """A request head with Host and credential."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.process.port}", *headers]
        if key != "":
            lines.append(f"Authorization: Bearer {key or self.key}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def post(self, path: str, body: bytes, *headers: str, key: str | None = None) -> Reply:
        """A whole, well-framed POST."""
        head = self.head(
            "POST", path, "Content-Type: application/json", f"Content-Length: {len(body)}",
            "Accept: application/json, text/event-stream", *headers, key=key,
        )  # fmt: skip
        return self.send(head + body)

    def record(self) -> int:
        """How many decisions the record holds."""
        return self.process.program.rows("SELECT count(*) AS n FROM governance_decisions")[0]["n"]


def read_reply(sock: socket.socket) -> Reply:
    """The next answer of a connection."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            if not (piece := sock.recv(65536)):
                return Reply(status=0, rest=data)
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(rest) < length and (piece := sock.recv(65536)):
            rest += piece
    except ConnectionResetError:
        return Reply(status=0, rest=data)
    return Reply(status=int(first.split()[1]), headers=headers, body=rest[:length], rest=rest[length:])


@pytest.fixture(scope="session")
def hostile_server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Started once; a developer's and administrator's key."""
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute("CREATE DATABASE hostile")
    with Provider() as provider:
        url = make_conninfo(postgres, dbname="hostile").replace('"', "")
        program = Program(tmp_path_factory.mktemp("hostile"), database=url, provider=provider.url)
        made = program.run("service", "create", "robot", "--role", "developer", "--role", "administrator")
        assert made.returncode == 0, made.stderr
        key = program.run("key", "create", "robot", "--json")
        with program.serving() as process:
            yield Target(process, provider, msgspec.json.decode(key.stdout)["token"])
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute("DROP DATABASE hostile WITH (FORCE)")


@pytest.fixture
def target(hostile_server: Target) -> Iterator[Target]:
    """The server; after the test nothing has reached the provider, nothing failed inside, and it serves."""
    target = hostile_server
    received = len(target.provider.received)
    yield target
    assert len(target.provider.received) == received, "hostile input reached the upstream"
    good = target.post("/v1/chat/completions", b'{"model":"gpt","messages":[{"role":"user","content":"hi"}]}')
    assert good.status == 200, good
    log = target.process.program.log()
    assert "Traceback" not in log, log
    assert '"exception"' not in log, log
