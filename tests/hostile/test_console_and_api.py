"""Forms, cookies, queries and names that no page of ours would send: a page or a typed error, never a failure inside."""

import json
from urllib.parse import quote

import pytest

from app.console.browser import form_token
from tests.hostile.conftest import Reply, Target

FORMS = {
    "nothing": b"",
    "not a form": b"{}",
    "NUL": b"name=a%00b&password=x%00",
    "invalid UTF-8": b"name=%ff%fe&password=%c0%af",
    "raw bytes": b"name=\xff\xfe&password=\x00",
    "surrogate": b"name=%ed%a0%80&password=x",
    "a field twice": b"name=a&name=b&password=x",
    "fifty fields": b"&".join(b"f%d=1" % number for number in range(50)),
    "long password": b"name=a&password=" + b"x" * 15_000,
    "broken escape": b"name=%&password=%zz",
    "line breaks": b"name=a%0d%0aSet-Cookie:+x=y&password=x",
    "direction marks": b"name=%e2%80%aeroot&password=x",
    "markup": b"name=%3Cscript%3Ealert(1)%3C/script%3E&password=x",
    "no password": b"name=admin",
    "template": b"name=%7B%7B7*7%7D%7D&password=x",
}


def send_form(target: Target, path: str, form: bytes, *headers: str) -> Reply:
    secret = "a" * 43
    body = form + b"&form=" + form_token(secret).encode() if form else b""
    head = target.head(
        "POST", path, "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}",
        f"Cookie: sallyport-form={secret}", "Accept: text/html", *headers, key="",
    )  # fmt: skip
    return target.send(head + body)


def _page(reply: Reply, path: str) -> None:
    assert 400 <= reply.status < 500, (path, reply)
    assert reply.headers["content-type"].startswith("text/html"), reply
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "set-cookie" not in reply.headers or "x=y" not in reply.headers["set-cookie"]
    assert b"<script>alert" not in reply.body


@pytest.mark.parametrize("name", FORMS)
def test_strange_form_gets_a_page_and_is_recorded(target: Target, name: str):
    for path in ("/console/sign-in", "/console/setup/nonsense", "/console/link/nonsense"):
        before = target.record()
        _page(send_form(target, path, FORMS[name]), path)
        assert target.record() == before + 1, path


def test_form_of_another_site_signs_nobody_in(target: Target):
    form = b"name=admin&password=password"
    for header in ("Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"):
        reply = send_form(target, "/console/sign-in", form, header)
        assert reply.status == 403, reply
        assert "set-cookie" not in reply.headers or "sallyport=" not in reply.headers["set-cookie"]


def test_too_large_form_is_refused(target: Target):
    reply = send_form(target, "/console/sign-in", b"name=" + b"a" * 100_000)
    assert reply.status == 413, reply


PATHS = [
    "/console/trace/%00",
    "/console/traces/" + "a" * 5000,
    "/console/..%2f..%2fetc",
    "/console/%ff",
    "/console/assets/..%2f..%2fapp",
    "/console/assets/%2e%2e",
    "/console/assets/x.css%00",
    "/console//",
    "/console/'\"><script>",
    "/console/decisions?before=%00",
    "/console/decisions?actor=%ff",
    "/console/sign-in?next=//evil.example",
    "/console/sign-in?next=https:evil.example",
]
COOKIES = [
    "sallyport=" + "x" * 9000,
    "sallyport=\xff\xfe",
    "sallyport=a; sallyport=b",
    "=;=;=",
    "sallyport",
    "a=b; " * 500,
    'sallyport="',
]


@pytest.mark.parametrize("path", PATHS)
def test_strange_pages_do_not_exist_for_strangers(target: Target, path: str):
    for cookie in ("sallyport=nonsense", ""):
        reply = target.send(target.head("GET", path, f"Cookie: {cookie}", "Accept: text/html", key=""))
        assert reply.status in (200, 302, 303, 400, 401, 403, 404), reply
        assert reply.status != 200 or path.startswith("/console/sign-in"), reply
        assert "evil.example" not in reply.headers.get("location", "")
        assert b'action="//evil' not in reply.body


@pytest.mark.parametrize("cookie", COOKIES)
def test_strange_cookies_are_nobody(target: Target, cookie: str):
    for path in ("/console", "/console/decisions"):
        reply = target.send(target.head("GET", path, f"Cookie: {cookie}", "Accept: text/html", key=""))
        assert reply.status in (302, 303, 400, 401, 431), reply


QUERIES = [
    "?limit=-1",
    "?limit=0",
    "?limit=1e9",
    "?limit=999999999999999999999",
    "?limit=%00",
    "?limit=a&limit=b",
    "?nothing=1",
    "?cursor=%ff",
    "?cursor=AAAA",
    "?cursor=" + "A" * 5000,
    "?actor=%00",
    "?before=nonsense",
    "?=",
    "?&&&",
    "?actor=%ed%a0%80",
    "?limit=1;drop",
]


@pytest.mark.parametrize("query", QUERIES)
def test_strange_queries_get_a_typed_error(target: Target, query: str):
    for path in ("/api/v1/users", "/api/v1/record/decisions", "/api/v1/keys", "/v1/models"):
        reply = target.send(target.head("GET", path + query))
        assert reply.status in (200, 400, 404), (path, reply)
        if reply.status != 200:
            assert json.loads(reply.body)["error"], reply


NAMES = [
    "\x00",
    "a\x00",
    "..",
    "../x",
    " ",
    "\u202e",
    "x" * 300,
    "'; DROP TABLE principals;--",
    "\U0001f600",
    "a\nb",
    "%",
    "\ud7ff",
    "admin\u0000",
]


@pytest.mark.parametrize("name", NAMES)
def test_strange_names_are_refused_by_the_api(target: Target, name: str):
    before = target.record()
    body = json.dumps({"name": name}).encode()
    for path in ("/api/v1/services", "/api/v1/groups", "/api/v1/roles"):
        reply = target.post(path, body)
        assert reply.status in (400, 404, 405), (path, reply)
        assert json.loads(reply.body)["error"], reply
    for path in ("/api/v1/users/", "/api/v1/services/", "/api/v1/policies/"):
        reply = target.send(target.head("GET", path + quote(name, safe="")))
        assert reply.status in (400, 404), (path, reply)
    assert target.record() >= before + 4
