"""HTTP as attackers write it (RFC 9110, RFC 9112): a clear refusal or an end, never a hang, never a second reading."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.fix_process import ROOT, clean
from tests.hostile.conftest import Target, read_reply

GOOD = b'{"model":"gpt","messages":[]}'
CHAT = "/v1/chat/completions"
DOORS = (CHAT, "/v1/messages", "/mcp/sample", "/api/v1/users", "/livez", "/nowhere")


def _refused(reply, *wanted: int) -> None:
    assert reply.status in (wanted or (400,)), reply
    assert b"aiohttp" not in reply.body.lower() + str(reply.headers).encode().lower(), reply
    assert b"Traceback" not in reply.body


FRAMING = {
    "two different lengths": b"Content-Length: 29\r\nContent-Length: 5\r\n\r\n" + GOOD,
    "a list of lengths": b"Content-Length: 29, 5\r\n\r\n" + GOOD,
    "length with a sign": b"Content-Length: +29\r\n\r\n" + GOOD,
    "negative length": b"Content-Length: -1\r\n\r\n" + GOOD,
    "length with an underscore": b"Content-Length: 2_9\r\n\r\n" + GOOD,
    "hexadecimal length": b"Content-Length: 0x1d\r\n\r\n" + GOOD,
    "endless length": b"Content-Length: 99999999999999999999999999\r\n\r\n" + GOOD,
    "length and chunks": b"Content-Length: 29\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1d\r\n"
    + GOOD
    + b"\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked, then identity": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "unknown encoding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "encoding with a tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+1d\r\n" + GOOD + b"\r\n0\r\n\r\n",
    "chunk size in 0x": b"Transfer-Encoding: chunked\r\n\r\n0x1d\r\n" + GOOD + b"\r\n0\r\n\r\n",
    "chunk size overflows": b"Transfer-Encoding: chunked\r\n\r\n1000000000000001d\r\n"
    + GOOD
    + b"\r\n0\r\n\r\n",
    "chunk ended by LF": b"Transfer-Encoding: chunked\r\n\r\n1d\n" + GOOD + b"\r\n0\r\n\r\n",
    "chunk without an end": b"Transfer-Encoding: chunked\r\n\r\n1d\r\n" + GOOD + b"xx0\r\n\r\n",
    "folded header": b"X-A: b\r\n c: d\r\nContent-Length: 29\r\n\r\n" + GOOD,
    "NUL in a header": b"X-A: b\x00c\r\nContent-Length: 29\r\n\r\n" + GOOD,
    "NUL in a header's name": b"X\x00A: b\r\nContent-Length: 29\r\n\r\n" + GOOD,
    "lone CR in a header": b"X-A: b\rc\r\nContent-Length: 29\r\n\r\n" + GOOD,
    "header without a colon": b"hello\r\nContent-Length: 29\r\n\r\n" + GOOD,
    "header without a name": b": x\r\nContent-Length: 29\r\n\r\n" + GOOD,
    "space in a header's name": b"X A: b\r\nContent-Length: 29\r\n\r\n" + GOOD,
}


@pytest.mark.parametrize("name", FRAMING)
def test_ambiguous_framing_is_refused(target: Target, name: str):
    before = len(target.provider.received)
    for path in (CHAT, "/mcp/sample"):
        head = target.head("POST", path, "Content-Type: application/json")[:-2]
        reply = target.send(head + FRAMING[name])
        _refused(reply, 400, 0)
        assert reply.rest.count(b"HTTP/1.1") == 0, reply
    assert len(target.provider.received) == before


LINES = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60 + b"\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/9.9": b"GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "no target": b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad method": b"G@T /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL in the target": b"GET /liv\x00ez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bare CR LF in the target": b"GET /livez\r\nX: y HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no colon, only CR": b"GET /livez HTTP/1.1\rHost: localhost\r\r",
    "a shell": b"echo hello; cat /etc/passwd\r\n\r\n",
}


@pytest.mark.parametrize("name", LINES)
def test_nonsense_instead_of_a_request_is_refused(target: Target, name: str):
    with target.connect() as sock:
        sock.sendall(LINES[name])
        sock.shutdown(1)
        _refused(read_reply(sock), 400, 404, 421, 505, 0)


@pytest.mark.parametrize(
    "method", ["CONNECT", "TRACE", "TRACK", "PUT", "PATCH", "PROPFIND", "get", "BREW", "OPTIONS"]
)
def test_unknown_methods_are_refused_everywhere(target: Target, method: str):
    for path in DOORS:
        target_ = f"127.0.0.1:{target.process.port}" if method == "CONNECT" else path
        reply = target.send(target.head(method, target_, "Content-Length: 0"))
        _refused(reply, 400, 404, 405)
        if reply.status == 405:
            assert method not in reply.headers["allow"].split(", ")


PATHS = {
    "//v1/chat/completions": (404,),
    "/v1//chat/completions": (404,),
    "/v1/../v1/chat/completions": (404,),
    "/v1/./chat/completions": (404,),
    "/%2e%2e/v1/chat/completions": (404,),
    "/v1/%63hat/completions": (404,),
    "/v1%2fchat%2fcompletions": (404,),
    "/v1/chat/completions/": (404,),
    "/V1/chat/completions": (404,),
    "/v1/chat/completions;a=b": (404,),
    "/v1/chat/completions%00": (404,),
    "/v1/chat/completions%20": (404,),
    "/v1\\chat\\completions": (400, 404),
    "/mcp/../api/v1/users": (404,),
    "/mcp/%2e%2e": (400, 401, 404),
    "/mcp/sample%00": (400, 401, 404),
    "/mcp/sample%2f..%2fother": (400, 401, 404),
    "/mcp/%ff%fe": (400, 401, 404),
    "/" + "a" * 8000: (404,),
    "/" + "a" * 40_000: (414, 431),
    "/%zz": (404,),
    "*": (400, 404),
    "?": (400, 404),
    "": (400,),
}


@pytest.mark.parametrize("path", PATHS)
def test_tricks_in_the_path_reach_no_endpoint(target: Target, path: str):
    head = target.head("POST", path, "Content-Type: application/json", f"Content-Length: {len(GOOD)}", key="")
    _refused(target.send(head + GOOD), *PATHS[path])


def test_absolute_target_is_served_only_for_our_own_host(target: Target):
    for place in ("http://evil.example", "https://evil.example:443", "http://evil.example@127.0.0.1"):
        reply = target.send(target.head("GET", f"{place}/livez"))
        _refused(reply, 400, 404, 421)
    for place in ("http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://x/"):
        _refused(target.send(target.head("GET", place)), 400, 404, 421)


HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "evil.example:443",
    "[::2]",
    "",
    "a b",
    "localhost, x",
    "x@localhost",
]


@pytest.mark.parametrize("host", HOSTS)
def test_foreign_host_is_refused_at_every_door(target: Target, host: str):
    before = len(target.provider.received)
    for path in DOORS:
        method, body = ("GET", b"") if path in ("/livez", "/api/v1/users") else ("POST", GOOD)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {target.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        _refused(target.send(head.encode() + body), 400, 421)
    assert len(target.provider.received) == before


def test_missing_and_doubled_host_are_refused(target: Target):
    _refused(target.send(b"GET /api/v1/users HTTP/1.1\r\n\r\n"), 400, 421)
    _refused(
        target.send(b"GET /api/v1/users HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"), 400, 421
    )


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://"]
)
def test_foreign_origin_reaches_no_tool(target: Target, origin: str):
    before = target.record()
    reply = target.post("/mcp/sample", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', f"Origin: {origin}")
    _refused(reply, 403)
    assert target.record() == before + 1


def test_ten_thousand_headers_are_refused(target: Target):
    for path in DOORS:
        head = target.head("POST", path, *(f"X-{n}: {n}" for n in range(10_000)), "Content-Length: 0")
        _refused(target.send(head), 400, 431)


def test_a_megabyte_of_header_is_refused(target: Target):
    for path in DOORS:
        _refused(target.send(target.head("POST", path, "X-A: " + "a" * 1_048_576)), 400, 431)
        _refused(
            target.send(target.head("POST", path, *[f"X-{n}: " + "a" * 15_000 for n in range(70)])), 400, 431
        )


def test_very_long_credential_is_refused_and_recorded(target: Target):
    for key in (
        "sp_" + "a" * 9000,
        "x" * 9000,
        "sp_\xff\xfe",
        "sp_aaaaaaaaaa_" + "b" * 43,
        "Bearer",
        "sp_aaaaaaaaaa_",
    ):
        before = target.record()
        for path in (CHAT, "/v1/messages", "/mcp/sample"):
            reply = target.post(
                path, b'{"model":"gpt","messages":[],"jsonrpc":"2.0","id":1,"method":"ping"}', key=key
            )
            assert reply.status == 401, reply
        assert target.record() == before + 3


def test_hostile_header_values_are_recorded_as_they_can_be(target: Target):
    before = target.record()
    for value in ("\xff\xfe", "'; DROP TABLE audit_events;--", "\x7f\x1b[2J".replace("\x1b", ""), "a" * 9000):
        reply = target.post(
            "/mcp/sample",
            b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
            f"User-Agent: {value}",
            f"traceparent: {value}",
        )
        assert reply.status in (200, 400), reply
        assert reply.status == 400 or len(reply.headers["traceparent"]) == 55
    assert target.record() >= before + 3


def test_refusals_of_the_parser_are_json_and_one_line_in_the_log(target: Target):
    reply = target.send(target.head("GET", "/livez", "X A: b"))
    assert json.loads(reply.body)["error"]["code"] == "malformed_request"
    assert reply.headers["server"] == "sallyport"
    assert (
        target.process.program.log().rstrip().rpartition("\n")[2].count("malformed request from 127.0.0.1")
        == 1
    )


@pytest.mark.slow
def test_server_does_not_start_without_the_c_parser(target: Target, tmp_path: Path):
    program = target.process.program
    made = subprocess.run(
        [*program.command("serve")[:-1], str(tmp_path)],
        env=clean() | {"AIOHTTP_NO_EXTENSIONS": "1"}, cwd=ROOT, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert made.returncode != 0
    assert "C parser is not loaded" in made.stderr
    assert "Traceback" not in made.stderr


def test_pipelined_requests_get_one_answer_each_in_order(target: Target):
    body = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}'
    requests = b"".join(
        target.head(
            "POST",
            "/mcp/sample",
            "Content-Type: application/json",
            "Accept: */*",
            f"Content-Length: {len(body % n)}",
        )
        + body % n
        for n in range(1, 6)
    )
    answers = b""
    with target.connect() as sock:
        sock.sendall(requests)
        while answers.count(b'"jsonrpc"') < 5 and (piece := sock.recv(65536)):
            answers += piece
    found = [answers.find(b'"id":%d' % n) for n in range(1, 6)]
    assert -1 not in found
    assert found == sorted(found)


def test_http_1_0_is_answered_and_closed(target: Target):
    host = f"Host: 127.0.0.1:{target.process.port}\r\n".encode()
    with target.connect() as sock:
        sock.sendall(b"GET /livez HTTP/1.0\r\n" + host + b"\r\n")
        assert read_reply(sock).status == 200
        assert sock.recv(10) == b""


def test_smuggled_second_request_is_not_answered(target: Target):
    inner = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = target.head(
        "POST", CHAT, "Content-Type: application/json", "Content-Length: 6", "Transfer-Encoding: chunked"
    )
    with target.connect() as sock:
        sock.sendall(head + b"0\r\n\r\n" + inner)
        reply = read_reply(sock)
        assert reply.status in (400, 0)
        assert b"ok\n" not in reply.rest + sock.recv(65536)


@pytest.mark.slow
def test_slow_body_is_given_up_in_time_and_recorded(target: Target):
    for path in (CHAT, "/v1/messages", "/mcp/sample", "/api/v1/services"):
        before = target.record()
        began = time.monotonic()
        method = "POST"
        reply = target.send(
            target.head(method, path, "Content-Type: application/json", "Content-Length: 100") + b'{"mo'
        )
        assert reply.status == 408, (path, reply)
        assert time.monotonic() - began < 60
        assert target.record() == before + 1


@pytest.mark.slow
def test_slow_and_endless_heads_hold_nobody_up(target: Target):
    socks = [target.connect() for _ in range(60)]
    try:
        for sock in socks:
            sock.sendall(b"GET /livez HTTP/1.1\r\nX-A: ")
        began = time.monotonic()
        assert target.send(target.head("GET", "/livez")).status == 200
        assert time.monotonic() - began < 10
    finally:
        for sock in socks:
            sock.close()
