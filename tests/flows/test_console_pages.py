"""What people see, who may see it, and what hostile names in the record cannot do to whoever looks at them."""

import asyncio
import re
from html import unescape

import aiohttp
import msgspec
import psycopg
import pytest
from psycopg import sql

from app.core.call import Resource
from app.core.errors import DeniedError
from app.core.ids import new_trace
from app.server.first_run import host_call
from tests.fix_browser import HTML, Visit, Visitor, person
from tests.fix_server import Serve, Served, until

PAGES = (
    "/console", "/console/decisions", "/console/people", "/console/spend", "/console/policies", "/console/policies/builtin",
    "/console/policies/starter", "/console/servers", "/console/health", "/console/help", "/console/help/quick-start",
    "/console/licences",
)  # fmt: skip
PROFILE = """
providers: {local: {dialect: openai, url: "http://127.0.0.1:9/v1", labels: [on-site]}}
models: {small: {provider: local, upstream: llama, price: local}}
"""


async def signed_in(served: Served, visit: Visit, *roles: str, name: str = "ada") -> Visitor:
    await person(served, name, *roles)
    visitor = visit(served)
    assert (await visitor.sign_in(name)).status == 303
    return visitor


async def asked_for(served: Served, model: str, key: str) -> str:
    """One forbidden AI request through the front door; returns its trace id."""
    trace = new_trace()
    headers = {"Authorization": f"Bearer {key}", "traceparent": trace.traceparent}
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{served.url}/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        assert answer.status == 400
    return trace.trace_id


async def test_every_page_is_shown_to_an_auditor_and_recorded(serve: Serve, visit: Visit) -> None:
    served = await serve(PROFILE)
    visitor = await signed_in(served, visit, "auditor")
    for path in PAGES:
        page = await visitor.get(path)
        assert page.status == 200, path
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Frame-Options"] == "DENY"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
        assert "unsafe" not in policy
        assert not re.search(r"""<script(?! src="/console/assets/)|\sstyle=|\son[a-z]+=""", page.text), path
        assert set(re.findall(r'(?:src|href|action)="(https?:|//)', page.text)) == set(), path
    rows = served.record("action = 'console.view' AND kind = 'intent'")
    assert [row["actor"] for row in rows] == ["ada"] * len(PAGES)
    assert {row["resource"] for row in rows} == {
        "overview", "decisions", "people", "spend", "policies", "policy", "servers", "health", "help", "licences",
    }  # fmt: skip
    assert {row["status"] for row in served.record("action = 'console.view' AND kind = 'outcome'")} == {"ok"}


@pytest.mark.slow
async def test_every_link_on_every_page_leads_somewhere(serve: Serve, visit: Visit) -> None:
    served = await serve(PROFILE)
    visitor = await signed_in(served, visit, "administrator")
    waiting, seen = ["/console"], set[str]()
    while waiting:
        path = waiting.pop()
        page = await visitor.get(path)
        assert page.status == 200, path
        for found in re.findall(r'(?:href|src)="([^"#]+)', page.text):
            link = unescape(found)
            if link not in seen and not link.startswith(("/console/traces/", "/console/decisions?")):
                seen.add(link)
                waiting += [link] if link.startswith("/console") else []
    assert len(seen) > 15


async def test_who_may_not_look_is_told_why_and_recorded(serve: Serve, visit: Visit) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "developer", name="dora")
    for path in (*PAGES, "/console/traces/" + "a" * 32, "/console/nothing"):
        page = await visitor.get(path)
        assert page.status == 403, path
        assert "no_rule_permits" in page.text
        assert "Sign out" in page.text
        (row,) = served.record("trace_id = %s", page.headers["traceparent"].split("-")[1])
        assert (row["kind"], row["actor"], row["action"]) == ("denial", "dora", "console.view")
    assert (await visitor.get("/console/decisions/stream", Accept="text/event-stream")).status == 403


async def test_a_policy_opens_single_pages_and_not_the_record(serve: Serve, visit: Visit) -> None:
    policy = """
policy: test
rules:
  - {id: health, effect: permit, who: {users: [dora]}, actions: [console.view], objects: ["page:health"]}
  - {id: look, effect: permit, who: {users: [dora]}, actions: [console.view], objects: ["page:overview", "page:trace"]}
"""
    served = await serve(policy=policy)
    visitor = await signed_in(served, visit, name="dora")
    assert (await visitor.get("/console/health")).status == 200
    for path in ("/console", "/console/traces/" + "a" * 32, "/console/people"):
        assert (await visitor.get(path)).status == 403, path
    denied = served.record("kind = 'denial'")
    assert [(row["action"], row["resource"]) for row in denied] == [
        ("audit.read", "calls"),
        ("audit.read", "a" * 32),
        ("console.view", "people"),
    ]


async def test_names_in_the_record_are_text_wherever_they_are_shown(serve: Serve, visit: Visit) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "administrator")
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u202e'
    call = host_call("admin.user.list", Resource("user", hostile), {hostile: [hostile]})
    call = msgspec.structs.replace(call, client=hostile, agent=hostile, session=hostile)
    async with served.site.admission.admit(call) as passage:
        passage.note(status="error", error=hostile, result={hostile: hostile})
    await visitor.get("/console/traces/%3Cscript%3Ealert(1)", User_Agent="<script>alert(3)</script>")
    trace_id = call.trace.trace_id
    for path in (f"/console/traces/{trace_id}", "/console/decisions?reads=on", "/console", "/console/people"):
        text = (await visitor.get(path)).text
        assert "<script>alert" not in text, path
        assert "<img" not in text, path
        assert "\u202e" not in text, path
    (row,) = served.select("SELECT * FROM governance_decisions WHERE trace_id = %s", trace_id)
    assert row["resource"] == row["client"] == row["agent"] == hostile
    shown = (await visitor.get(f"/console/traces/{trace_id}")).text
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 5
    assert "\\u202e" in shown
    for query in ("actor=%3Cscript%3Ealert(1)%3C/script%3E", "action=%22%3E%3Cimg%20src=x%3E"):
        reflected = await visitor.get(f"/console/decisions?{query}")
        assert (reflected.status, "<script>alert" in reflected.text, "<img" in reflected.text) == (
            200,
            False,
            False,
        )


async def test_a_trace_shows_who_what_why_and_the_stored_bytes(serve: Serve, visit: Visit) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "auditor")
    trace_id = await asked_for(served, "opus", await served.key("user", name="robot"))
    page = await visitor.get(f"/console/traces/{trace_id}")
    (row,) = served.record("trace_id = %s", trace_id)
    shown = unescape(page.text)
    for expected in (
        "robot", "model.invoke", "no_rule_permits", row["policy_hash"], row["credential"], row["entry"].decode(),
    ):  # fmt: skip
        assert expected in shown, expected
    (read,) = served.record("action = 'audit.read' AND kind = 'intent' AND resource = %s", trace_id)
    assert (read["actor"], read["parent_id"]) == ("ada", page.headers["traceparent"].split("-")[2])


async def test_large_contents_are_reached_from_their_trace_and_digests_say_what_they_are(
    serve: Serve, visit: Visit
) -> None:
    served = await serve("record: {tool_content: digest}")
    visitor = await signed_in(served, visit, "auditor")
    large = "<script>" + "x" * 40_000
    call = host_call("admin.user.list", Resource("user", "large"), {"large": large})
    async with served.site.admission.admit(call):
        pass
    page = await visitor.get(f"/console/traces/{call.trace.trace_id}")
    (link,) = re.findall(r'href="(/console/contents/[^"]*)"', page.text)
    content = await visitor.get(link)
    assert (content.status, "<script>x" in content.text, "&lt;script&gt;xxx" in content.text) == (
        200,
        False,
        True,
    )
    for wrong in ("sha256:" + "0" * 64, "sha256:x", "..%2f"):
        assert (await visitor.get(f"/console/contents/{wrong}")).status == 404
    tool = host_call("tool.call", Resource("tool", "files/read"), {"path": "/srv/a"})
    with pytest.raises(DeniedError):
        async with served.site.admission.admit(tool):
            pass
    page = await visitor.get(f"/console/traces/{tool.trace.trace_id}")
    assert "only the digest is kept" in page.text
    assert "/srv/a" not in page.text
    digest = link.rpartition("/")[2]
    (read,) = served.record("action = 'audit.read' AND kind = 'intent' AND resource = %s", digest)
    assert read["actor"] == "ada"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/console/traces/" + "0" * 32, 404),
        ("/console/traces/nothing", 404),
        ("/console/traces/%00", 404),
        ("/console/policies/none", 404),
        ("/console/policies/starter?version=9", 404),
        ("/console/policies/starter?version=-1", 400),
        ("/console/policies/starter?version=" + "9" * 40, 400),
        ("/console/policies/%00", 404),
        ("/console/help/nothing", 404),
        ("/console/help/../../etc/passwd", 404),
        ("/console/help/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("/console/decisions?before=x", 400),
        ("/console/decisions?actor=%00", 400),
        ("/console/decisions?actor=" + "a" * 3000, 400),
        ("/console/decisions?decision=perhaps", 200),
        ("/console/assets/..%2ftemplates%2fpage.html", 404),
        ("/console/assets/page.html", 404),
        ("/console/such/a/page", 404),
    ],
)
async def test_addresses_that_mean_nothing_get_a_clear_page(
    serve: Serve, visit: Visit, path: str, status: int
) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "administrator")
    page = await visitor.get(path)
    assert page.status == status
    assert "Traceback" not in page.text


async def test_filters_and_pages_narrow_the_list(serve: Serve, visit: Visit) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "auditor")
    for number in range(60):
        call = host_call("admin.user.list", Resource("user", f"number-{number:02}"))
        async with served.site.admission.admit(call):
            pass
    first = await visitor.get("/console/decisions?action=admin.user.list")
    assert first.text.count("<tr id=") == 50
    assert "number-59" in first.text
    assert "number-09" not in first.text
    older = unescape(re.findall(r'href="([^"]*before=[^"]*)"', first.text)[-1])
    second = await visitor.get(older)
    assert second.text.count("<tr id=") == 10
    assert "number-00" in second.text
    assert "data-stream" not in second.text
    nobody = await visitor.get("/console/decisions?actor=nobody")
    assert "No call fits this filter" in nobody.text
    views = await visitor.get("/console/decisions?action=console.view&reads=on")
    assert views.text.count("<tr id=") == 4
    assert (await visitor.get("/console/decisions?action=console.view")).text.count("<tr id=") == 0


@pytest.mark.slow
async def test_the_live_list_brings_new_calls_and_ends_with_its_session(serve: Serve, visit: Visit) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "auditor")
    key = await served.key("user", name="robot")
    headers = {"Accept": "text/event-stream", "Cookie": f"sallyport={visitor.cookies['sallyport']}"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
        session.get(f"{served.url}/console/decisions/stream?actor=robot", headers=headers) as answer,
    ):
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert (await answer.content.readline()) == b"event: calls\n"
        await asked_for(served, "<b>opus</b>", key)
        text = ""
        while "model.invoke" not in text:
            text += (await answer.content.readline()).decode()
        while "forbid" not in text:
            text += (await answer.content.readline()).decode()
        assert "&lt;b&gt;opus" in text
        form = (await visitor.get("/console/health")).form
        await visitor.post("/console/sign-out", {"form": form})
        rest = (await answer.content.read()).decode()
    assert "event: end\ndata: Your session ended" in rest
    watched = await until(lambda: served.record("action = 'audit.read' AND kind = 'outcome'"))
    assert [row["status"] for row in watched] == ["ok"]


@pytest.mark.slow
async def test_a_call_that_is_still_open_is_shown_and_its_outcome_replaces_it(
    serve: Serve, visit: Visit
) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "auditor")
    headers = {"Accept": "text/event-stream", "Cookie": f"sallyport={visitor.cookies['sallyport']}"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
        session.get(
            f"{served.url}/console/decisions/stream?action=admin.user.list", headers=headers
        ) as answer,
    ):
        states = []
        async with served.site.admission.admit(
            host_call("admin.user.list", Resource("user", "*"))
        ) as passage:
            while len(states) < 2:
                states += re.findall(
                    r'<tr id="c(.*?)"|class="tag wait">(\w+)<', (await answer.content.readline()).decode()
                )
        assert states == [(str(passage.id), ""), ("", "open")]
        line = b""
        while b'class="tag yes">ok<' not in line:
            line = await answer.content.readline()
            assert b"open" not in line
    (outcome,) = served.select(
        "SELECT status FROM audit_events WHERE call = %s AND kind = 'outcome'", passage.id
    )
    assert outcome["status"] == "ok"


async def test_a_live_list_does_not_hold_up_the_drain(serve: Serve, visit: Visit) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "auditor")
    stream = asyncio.create_task(visitor.get("/console/decisions/stream", Accept="text/event-stream"))
    await until(lambda: served.record("action = 'audit.read' AND kind = 'intent'"))
    served.running.doors.stopping.set()
    page = await asyncio.wait_for(stream, 5)
    assert page.status == 200
    (row,) = served.record("action = 'audit.read' AND kind = 'outcome'")
    assert row["status"] == "ok"


async def test_the_root_sends_browsers_to_the_console_and_answers_programs(
    serve: Serve, visit: Visit, http: aiohttp.ClientSession
) -> None:
    served = await serve()
    page = await visit(served).get("/")
    assert (page.status, page.location) == (303, "/console")
    async with http.get(served.url + "/") as answer:
        assert (answer.status, list(await answer.json())) == (200, ["sallyport"])
    async with http.head(served.url + "/") as answer:
        assert answer.status == 200
    assert served.record("kind <> 'outcome'") == []


@pytest.mark.slow
async def test_a_database_that_is_away_is_a_page_that_says_so(
    serve: Serve, visit: Visit, postgres: str
) -> None:
    served = await serve()
    visitor = await signed_in(served, visit, "auditor")
    form = (await visitor.get("/console/sign-in")).form
    name = served.select("SELECT current_database() AS name")[0]["name"]
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    for page in (
        await visitor.get("/console/decisions"),
        await visitor.post("/console/sign-in", {"form": form, "name": "ada", "password": "x" * 12}),
        await visitor.get("/console/decisions/stream", Accept="text/event-stream"),
    ):
        assert page.status == 503
        assert int(page.headers["Retry-After"]) > 0
        assert "out of reach" in page.text
        assert "Set-Cookie" not in page.headers
    assert (await visitor.get("/console/sign-in")).status == 200
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))
    await until(lambda: served.site.recorder.available)
    assert (await visitor.get("/console/decisions")).status == 200
    reads = served.record("action = 'audit.read' AND kind = 'intent'")
    assert [row["actor"] for row in reads] == ["ada"]


async def test_an_anonymous_browser_is_led_to_the_form_and_back(serve: Serve, visit: Visit) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    visitor = visit(served)
    page = await visitor.get("/console/decisions?actor=ada&decision=forbid")
    assert page.status == 303
    form = await visitor.get(page.location)
    wanted = unescape(re.findall(r'name="next" value="([^"]*)"', form.text)[0])
    assert wanted == "/console/decisions?actor=ada&decision=forbid"
    assert (await visitor.sign_in("ada", next=wanted)).location == wanted
    program = await visitor.get("/console", Accept="application/json", Cookie="")
    assert program.status == 200
    stranger = await visit(served).get("/console", Accept="application/json")
    assert (stranger.status, stranger.headers["WWW-Authenticate"]) == (401, 'Bearer realm="sallyport"')
    assert HTML not in stranger.text
    assert [row["reason"] for row in served.record("kind = 'denial'")] == ["credential_missing"] * 2
