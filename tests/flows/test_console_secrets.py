"""The console's pages of secrets: values go in and never out, every change is a governed call, forged forms do nothing."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.fix_browser import PASSWORD, Visit, person
from tests.fix_server import Serve, Served
from tests.flows.test_console_browser import NAMELESS, Watch

PROFILE = """
mcp: {servers: {far: {url: "http://127.0.0.1:9/mcp", secrets: {X-Token: search-token}}}}
secrets: {vaults: {main: {url: "http://127.0.0.1:9", token: hvs.of-the-profile, secrets: {led: "a#b"}}}}
"""
SECRETS = "/console/secrets"
FIRST, SECOND = "the-first-value-of-it", "the-second-value-of-it"


def changes(served: Served) -> list[tuple[Any, ...]]:
    rows = served.record("action LIKE 'admin.secret.%%' AND decision IS NOT NULL")
    return [(row["action"], row["resource"], row["actor"], row["decision"]) for row in rows]


async def test_secret_is_set_granted_rotated_revoked_and_destroyed_by_forms(
    serve: Serve, visit: Visit
) -> None:
    served = await serve(PROFILE)
    await person(served, "ada", "administrator")
    ada = visit(served)
    await ada.sign_in("ada")
    page = await ada.get(SECRETS)
    assert "No secret is stored yet" in page.text
    one = f"{SECRETS}/search-token"
    fields = {"form": page.form, "name": "search-token"}
    made = await ada.post(SECRETS, {**fields, "verb": "set", "value": FIRST, "purpose": "Searching"})
    assert (made.status, made.location) == (303, one)
    assert 'value="server:far"' in (await ada.get(one)).text, "who declares it is offered"
    granted = await ada.post(SECRETS, {**fields, "verb": "grant", "recipient": "server:far"})
    assert granted.status == 303
    assert (await ada.post(SECRETS, {**fields, "verb": "rotate", "value": SECOND + "\r\nmore"})).status == 303
    opened = served.site.secrets.catalogue.snapshot.opened["search-token"]
    assert (opened.value, opened.recipients) == (f"{SECOND}\nmore".encode(), {"server:far"})
    assert (await ada.post(SECRETS, {**fields, "verb": "delete"})).status == 409
    assert (await ada.post(SECRETS, {**fields, "verb": "revoke", "recipient": "server:far"})).status == 303
    pages = [(await ada.get(path)).text for path in (SECRETS, one)]
    gone = await ada.post(SECRETS, {**fields, "verb": "delete"})
    assert (gone.status, gone.location) == (303, SECRETS)
    assert (await ada.get(one)).status == 404
    assert not [value for value in (FIRST, SECOND) for text in pages if value in text]
    record = json.dumps(served.select("SELECT * FROM audit_events"), default=str)
    assert "value-of-it" not in record
    verbs = ("set", "grant", "rotate", "delete", "revoke", "delete")
    assert changes(served) == [(f"admin.secret.{verb}", "search-token", "ada", "permit") for verb in verbs]


async def test_others_and_other_sites_change_nothing(serve: Serve, visit: Visit) -> None:
    served = await serve(PROFILE)
    await person(served, "ada", "administrator")
    await person(served, "grace", "auditor")
    ada, grace = visit(served), visit(served)
    await ada.sign_in("ada")
    await grace.sign_in("grace")
    page = await ada.get(SECRETS)
    fields = {"form": page.form, "name": "search-token", "verb": "set", "value": FIRST}
    assert (await ada.post(SECRETS, fields, Origin="https://evil.example")).status == 403
    assert (await ada.post(SECRETS, {**fields, "form": "x"})).status == 403
    assert (await grace.post(SECRETS, {**fields, "form": (await grace.get("/console")).form})).status == 403
    bad = await ada.post(SECRETS, {**fields, "verb": "reveal"})
    short = await ada.post(SECRETS, {**fields, "value": "x"})
    odd = await ada.post(SECRETS, {**fields, "name": "../x"})
    assert (bad.status, short.status, odd.status) == (400, 400, 400)
    assert "shorter than" in short.text
    assert served.site.secrets.catalogue.snapshot.opened == {}
    assert (await visit(served).post(SECRETS, fields)).status in (401, 403)


@pytest.mark.slow
async def test_administrator_keeps_a_secret_in_a_real_browser(serve: Serve, chromium: Browser) -> None:
    served = await serve(PROFILE)
    await person(served, "ada", "administrator")
    context = await chromium.new_context()
    page = await context.new_page()
    watch = Watch(page)
    await page.goto(served.url + "/console/sign-in")
    await page.get_by_label("Name").fill("ada")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Secrets", exact=True).click()
    await expect(page.get_by_role("row").filter(has_text="main")).to_contain_text("led")
    assert await page.evaluate(NAMELESS) == []
    await page.get_by_label("Name", exact=True).fill("search-token")
    await page.get_by_label("Purpose").fill("Searching")
    await page.get_by_label("Value", exact=True).fill(FIRST)
    await page.get_by_role("button", name="Store it").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("search-token")
    await page.get_by_role("button", name="Grant").click()
    await expect(page.get_by_role("button", name="Revoke from server:far")).to_be_visible()
    await page.get_by_label("Value", exact=True).fill(SECOND)
    await page.get_by_role("button", name="Rotate").click()
    await expect(page.get_by_role("row").filter(has_text="current")).to_contain_text("2")
    assert await page.evaluate(NAMELESS) == []
    assert "value-of-it" not in await page.content()
    await page.get_by_role("button", name="Revoke from server:far").click()
    await page.get_by_role("button", name="Destroy every version").click()
    await expect(page.get_by_text("No secret is stored yet.")).to_be_visible()
    assert watch.complaints == []
    assert all(url.startswith(served.url) for url in watch.requests)
    await context.close()
