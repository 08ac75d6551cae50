"""The first hour of an administrator in a real Chromium: set up, sign in, watch calls arrive, open one trace."""

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from app.core.ids import new_trace
from tests.fix_browser import PASSWORD, Visit, person
from tests.fix_server import Serve, Served

pytestmark = pytest.mark.slow

PAGES = (
    "", "/decisions", "/people", "/policies", "/policies/starter", "/servers", "/health", "/help", "/help/quick-start",
    "/help/operators/profile", "/licences",
)  # fmt: skip
PROFILE = """
providers: {local: {dialect: openai, url: "http://127.0.0.1:9/v1", labels: [on-site]}}
models: {small: {provider: local, upstream: llama, price: local}}
"""
NAMELESS = """() =>
    [...document.querySelectorAll('input:not([type=hidden]), select, button, a, nav, [role=region], svg[role=img]')]
    .filter(e => !(e.labels?.length || e.ariaLabel || e.title || e.textContent.trim()
        || document.getElementById(e.getAttribute('aria-labelledby') || '')))
    .map(e => e.outerHTML)"""


class Watch:
    """What a page asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text) if message.type in ("error", "warning") else None
            ),
        )


async def call(served: Served, key: str, path: str, body: object = None) -> tuple[int, str]:
    """A client of the front door; status and trace id."""
    trace = new_trace()
    headers = {"Authorization": f"Bearer {key}", "traceparent": trace.traceparent}
    method = "POST" if body else "GET"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, served.url + path, json=body, headers=headers) as answer,
    ):
        return answer.status, trace.trace_id


async def sign_in(context: BrowserContext, served: Served, name: str) -> Page:
    """By keyboard alone."""
    page = await context.new_page()
    await page.goto(served.url + "/console")
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type(name)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    return page


async def test_an_administrator_sets_up_signs_in_and_watches_a_call_arrive(
    serve: Serve, chromium: Browser
) -> None:
    served = await serve(PROFILE)
    context = await chromium.new_context()
    page = await context.new_page()
    watch = Watch(page)
    await page.goto(served.running.setup_link)
    await page.get_by_label("Name to sign in with").fill("ada")
    await page.get_by_label("Full name").fill("Ada Lovelace")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("The same password again").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert [cookie["name"] for cookie in await context.cookies()] == ["sallyport-form"]

    page = await sign_in(context, served, "ada")
    watch = Watch(page)
    key = await served.key("user", name="robot")
    await page.get_by_role("link", name="Decisions", exact=True).click()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    rows = page.get_by_role("table").get_by_role("row").filter(has_text="model.")
    await expect(rows).to_have_count(0)
    assert (await call(served, key, "/v1/models"))[0] == 200
    await expect(rows.filter(has_text="model.list")).to_contain_text("permit")
    status, trace_id = await call(served, key, "/v1/chat/completions", {"model": "small", "messages": []})
    assert status == 400
    denied = rows.filter(has_text="model.invoke")
    await expect(denied).to_contain_text("forbid")
    await expect(denied).to_contain_text("no_rule_permits")
    await denied.get_by_role("link").click()

    await expect(page.get_by_role("heading", name="Trace", exact=True)).to_be_visible()
    step = page.get_by_role("article")
    for expected in ("robot", "model:small", "forbid", "no_rule_permits"):
        await expect(step).to_contain_text(expected)
    await page.get_by_text("1 row as stored").click()
    (row,) = served.record("trace_id = %s", trace_id)
    assert (row["kind"], row["actor"], row["resource"], row["decision"]) == (
        "denial",
        "robot",
        "small",
        "forbid",
    )
    await expect(step.locator("details pre")).to_have_text(row["entry"].decode())

    assert watch.complaints == []
    assert {url.split("/console", 1)[0] for url in watch.requests} == {served.url}
    looked = served.record("action = 'audit.read' AND kind = 'intent' AND resource = %s", trace_id)
    assert [row["actor"] for row in looked] == ["ada"]


async def test_a_live_list_can_be_paused_and_says_when_its_session_ended(
    serve: Serve, chromium: Browser, visit: Visit
) -> None:
    served = await serve()
    await person(served, "ada", "administrator")
    page = await sign_in(await chromium.new_context(), served, "ada")
    await page.goto(served.url + "/console/decisions")
    live = page.locator("#live")
    await expect(live).to_contain_text("Live")
    await live.get_by_role("button", name="Pause").click()
    await expect(live).to_contain_text("Paused")
    await live.get_by_role("button", name="Go on").click()
    await expect(live).to_contain_text("Live")
    token = next(cookie["value"] for cookie in await page.context.cookies() if cookie["name"] == "sallyport")
    elsewhere = visit(served)
    elsewhere.wear(sallyport=token)
    await elsewhere.post("/console/sign-out", {"form": (await elsewhere.get("/console")).form})
    await expect(live).to_contain_text("Your session ended")
    assert [row["actor"] for row in served.record("action = 'session.end' AND kind = 'intent'")] == ["ada"]


async def test_every_page_fits_narrow_windows_in_light_and_dark_without_scripts(
    serve: Serve, chromium: Browser
) -> None:
    served = await serve(PROFILE)
    await person(served, "ada", "administrator")
    papers = set()
    for scheme, width in (("light", 360), ("dark", 1280)):
        context = await chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 800}, java_script_enabled=False
        )
        page = await sign_in(context, served, "ada")
        watch = Watch(page)
        for path in PAGES:
            await page.goto(f"{served.url}/console{path}")
            await expect(page.get_by_role("heading", level=1).first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        await expect(page.get_by_role("navigation", name="Console")).to_be_visible()
        papers.add(await page.locator("main").screenshot())
        assert watch.complaints == []
    assert len(papers) == 2
    assert len(served.record("action = 'console.view' AND kind = 'intent'")) == 2 * (len(PAGES) + 1)


async def test_every_field_and_table_has_a_name_for_screen_readers(serve: Serve, chromium: Browser) -> None:
    served = await serve(PROFILE)
    await person(served, "ada", "administrator")
    page = await sign_in(await chromium.new_context(), served, "ada")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for path in PAGES:
        await page.goto(f"{served.url}/console{path}")
        assert await page.evaluate(NAMELESS) == [], path
        assert await page.evaluate("document.documentElement.lang") == "en"
        assert await page.evaluate("document.querySelectorAll('main h1').length") == 1, path
    rows = served.record("action = 'console.view' AND kind = 'outcome'")
    assert {row["status"] for row in rows} == {"ok"}
