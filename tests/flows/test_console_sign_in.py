"""Into the console and out again: setup link, password, sign-in link; and everything that must not get anybody in."""

import aiohttp
import pytest

from app.core.call import Resource
from app.server.first_run import host_call
from tests.fix_browser import PASSWORD, Visit, Visitor, person
from tests.fix_server import Serve, Served


def decisions(served: Served) -> list[tuple[str, str, str, str]]:
    """Sign-ins and sign-outs as the record has them."""
    return [
        (row["action"], row["actor"], row["kind"], row["reason"])
        for row in served.record("kind IN ('intent', 'denial') AND action LIKE 'session.%%'")
    ]


async def test_first_administrator_by_setup_link_signs_out_and_in_again(serve: Serve, visit: Visit) -> None:
    served = await serve()
    visitor, path = visit(served), served.running.setup_link.removeprefix(served.url)
    page = await visitor.get(path)
    assert page.status == 200
    fields = {
        "form": page.form,
        "name": "ada",
        "display_name": "Ada L.",
        "password": PASSWORD,
        "again": PASSWORD,
    }

    differ = await visitor.post(path, {**fields, "again": "something else entirely"})
    assert (differ.status, "two passwords differ" in differ.text) == (400, True)
    assert 'value="Ada L."' in differ.text
    assert PASSWORD not in differ.text
    weak = await visitor.post(path, {**fields, "password": "short", "again": "short"})
    assert (weak.status, "shorter than 12" in weak.text) == (400, True)

    made = await visitor.post(path, fields)
    assert (made.status, made.location) == (303, "/console")
    overview = await visitor.get("/console")
    assert overview.status == 200
    assert "administrator" in overview.text

    out = await visitor.post("/console/sign-out", {"form": overview.form})
    assert (out.status, out.location) == (303, "/console/sign-in")
    assert (await visitor.get("/console")).location == "/console/sign-in?next=%2Fconsole"
    assert (await visitor.sign_in("ada", next="/console/people")).location == "/console/people"
    assert (await visitor.get("/console/people")).status == 200

    again = visit(served)
    used = await again.post(path, {**fields, "form": (await again.get(path)).form, "name": "eve"})
    assert (used.status, "used, replaced or has expired" in used.text) == (403, True)
    assert decisions(served) == [
        ("session.create", "setup", "intent", "permitted_by_rule"),
        ("session.create", "setup", "intent", "permitted_by_rule"),
        ("session.create", "setup", "intent", "permitted_by_rule"),
        ("session.end", "ada", "intent", "permitted_by_rule"),
        ("session.create", "ada", "intent", "permitted_by_rule"),
        ("session.create", "anonymous", "denial", "credential_invalid"),
    ]
    kept = served.select(
        "SELECT count(*) AS found FROM audit_events WHERE entry::text LIKE %s", f"%{PASSWORD}%"
    )
    assert kept[0]["found"] == 0


async def test_sign_in_link_works_once_and_only_by_its_button(serve: Serve, visit: Visit) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    async with served.site.admission.admit(host_call("admin.user.link", Resource("user", "ada"))) as passage:
        path = "/console/link/" + await served.site.identity.setup.mint_sign_in(passage, "ada")
    for _ in range(3):
        preview = await visit(served).get(path)
        assert preview.status == 200
    visitor = visit(served)
    page = await visitor.get(path)
    assert (await visitor.post(path, {"form": page.form})).location == "/console"
    assert (await visitor.get("/console")).status == 200
    second = visit(served)
    assert (await second.post(path, {"form": (await second.get(path)).form})).status == 403
    assert [row[1:] for row in decisions(served)] == [
        ("ada", "intent", "permitted_by_rule"),
        ("anonymous", "denial", "credential_invalid"),
    ]


async def test_answers_do_not_tell_which_users_exist(serve: Serve, visit: Visit) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    await person(served, "gone", "administrator")
    async with served.site.admission.admit(
        host_call("admin.user.disable", Resource("user", "gone"))
    ) as passage:
        await served.site.identity.users.disable(passage, "gone")

    async def told(name: str, password: str) -> tuple[int, str]:
        page = await visit(served).sign_in(name, password)
        text = page.text
        for varying in (page.form, text.partition('class="mono">')[2].partition("<")[0]):
            text = text.replace(varying, "")
        return page.status, text

    known = await told("ada", "not the password at all")
    assert known[0] == 403
    assert "credential_invalid" not in known[1]
    assert await told("nobody", "not the password at all") == known
    assert await told("gone", PASSWORD) == known
    assert await told("ada' OR '1'='1", "x" * 20) == known
    assert await told("ada\x00", PASSWORD) == known


async def test_guessing_locks_known_and_unknown_names_alike(serve: Serve, visit: Visit) -> None:
    served = await serve("identity: {lockout_failures: 3}")
    await person(served, "ada", "administrator")
    for name in ("ada", "nobody"):
        statuses = [(await visit(served).sign_in(name, f"wrong password {n}")).status for n in range(4)]
        assert statuses == [403, 403, 403, 429], name
    locked = await visit(served).sign_in("ada")
    assert (locked.status, "Wait a few minutes" in locked.text) == (429, True)
    reasons = [row[3] for row in decisions(served)]
    assert (
        reasons
        == ["credential_invalid"] * 3 + ["rate_limited"] + ["credential_invalid"] * 3 + ["rate_limited"] * 2
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
async def test_forms_of_other_sites_do_nothing_and_are_recorded(
    serve: Serve, visit: Visit, headers: dict[str, str]
) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    visitor = visit(served)
    page = await visitor.get("/console/sign-in")
    fields = {"form": page.form, "name": "ada", "password": PASSWORD}
    refused = await visitor.post("/console/sign-in", fields, **headers)
    assert (refused.status, "sallyport" in refused.cookies) == (403, False)

    await visitor.sign_in("ada")
    form = (await visitor.get("/console")).form
    assert (await visitor.post("/console/sign-out", {"form": form}, **headers)).status == 403
    assert (await visitor.get("/console")).status == 200
    assert [row[:3] for row in decisions(served)] == [
        ("session.create", "anonymous", "denial"),
        ("session.create", "ada", "intent"),
        ("session.end", "anonymous", "denial"),
    ]


async def test_a_form_needs_the_token_of_its_own_page(serve: Serve, visit: Visit) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    visitor, other = visit(served), visit(served)
    theirs = (await other.get("/console/sign-in")).form
    await visitor.get("/console/sign-in")
    fields = {"name": "ada", "password": PASSWORD}
    silent = {"Origin": "", "Sec_Fetch_Site": ""}
    for form in ({}, {"form": ""}, {"form": theirs}, {"form": "\u00e9"}):
        page = await visitor.post("/console/sign-in", {**fields, **form}, **silent)
        assert (page.status, "did not come from a page" in page.text) == (403, True)
    await visitor.sign_in("ada")
    assert (await visitor.post("/console/sign-out", {"form": theirs}, **silent)).status == 403
    assert (await visitor.get("/console")).status == 200
    bare = visit(served)
    assert (await bare.post("/console/sign-in", {**fields, "form": theirs}, **silent)).status == 403


async def test_a_session_is_new_at_each_sign_in_and_the_old_one_ends(serve: Serve, visit: Visit) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    visitor = visit(served)
    planted = "ss_" + "A" * 43
    visitor.wear(sallyport=planted)
    await visitor.sign_in("ada")
    first = visitor.cookies["sallyport"]
    assert first != planted
    await visitor.sign_in("ada")
    assert visitor.cookies["sallyport"] not in (first, planted)
    thief = visit(served)
    thief.wear(sallyport=first)
    assert (await thief.get("/console")).status == 303
    assert [session.account for session in await served.site.identity.sessions.list_all()] == ["ada"]


async def test_tampered_cookies_are_nobody(serve: Serve, visit: Visit) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    visitor = visit(served)
    page = await visitor.sign_in("ada")
    token = page.cookies["sallyport"].value
    morsel = page.cookies["sallyport"]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"], morsel["domain"]) == (
        True,
        "Lax",
        "/",
        "",
    )
    for wrong in (
        token[:-1],
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token.swapcase(),
        token + "A",
        "su" + token[2:],
    ):
        thief = visit(served)
        thief.wear(sallyport=wrong)
        assert (await thief.get("/console")).location.startswith("/console/sign-in")
    assert (await visitor.get("/console")).status == 200
    denied = served.record("kind = 'denial' AND action = 'console.view'")
    assert [(row["actor"], row["reason"]) for row in denied] == [("anonymous", "credential_invalid")] * 5


async def test_sign_in_never_leads_to_another_site(serve: Serve, visit: Visit) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "/console/../../evil"):
        visitor = visit(served)
        page = await visitor.get("/console/sign-in?next=" + wanted)
        assert 'name="next" value="/console"' in page.text
        assert (await visitor.sign_in("ada", next=wanted)).location == "/console"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"form=%ff&name=a", b"name=a&name=b", b"a=1&" * 40, b"x" * 20_000, b"{}",
    ],
)  # fmt: skip
async def test_broken_forms_get_a_page_and_a_row(serve: Serve, visit: Visit, body: bytes) -> None:
    served = await serve()
    visitor = visit(served)
    page = await visitor.post("/console/sign-in", body, Content_Type="application/x-www-form-urlencoded")
    assert 400 <= page.status < 500
    assert "<h1>Sign in</h1>" in page.text
    assert [row[2:] for row in decisions(served)] == [("denial", "credential_missing")]


async def test_over_tls_cookies_are_bound_to_this_host(serve: Serve) -> None:
    served = await serve("listen: {address: '127.0.0.1:0', drain: 1}")
    await person(served, "ada", "administrator")
    assert served.url.startswith("https://")
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as session:
        visitor = Visitor(served, session)
        page = await visitor.sign_in("ada")
        morsel = page.cookies["__Host-sallyport"]
        assert (morsel["secure"], morsel["httponly"], morsel["path"], morsel["domain"]) == (
            True,
            True,
            "/",
            "",
        )
        assert (await visitor.get("/console")).status == 200
        assert (
            await visitor.post("/console/sign-out", {"form": ""}, Origin=served.url.replace("https", "http"))
        ).status == 403
        plain = await visitor.get("/console", Cookie=f"sallyport={morsel.value}")
        assert plain.status == 200
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
        stolen = await Visitor(served, session).get("/console", Cookie=f"sallyport={morsel.value}")
        assert stolen.status == 303
    assert [row[1:3] for row in decisions(served)] == [("ada", "intent"), ("anonymous", "denial")]
