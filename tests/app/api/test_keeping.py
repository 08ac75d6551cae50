"""Erasing, holding and looking at retention through the API."""

from typing import Any

from tests.fix_api import Api

ORDER: dict[str, Any] = {"reason": "request 2026-17", "confirm": "dora", "also_disable": True}


async def test_administrator_erases_a_person(api: Api) -> None:
    await api.ask("GET", "/api/v1/users", who="dora")
    plan = await api.ask("GET", "/api/v1/users/dora/erasure")
    assert plan.body["against"] == [
        "the account is active: disable or delete it first, or give --also-disable"
    ]
    wrong = await api.ask("POST", "/api/v1/users/dora/erasure", ORDER | {"confirm": "ada"})
    assert (wrong.status, wrong.body["error"]["code"]) == (400, "invalid_request")
    done = await api.ask("POST", "/api/v1/users/dora/erasure", ORDER)
    assert (done.status, done.body["subject"]) == (200, plan.body["subject"])
    assert (await api.ask("GET", "/api/v1/users", who="dora")).status == 401
    assert (await api.ask("POST", "/api/v1/users/dora/erasure", ORDER)).status == 404
    rows = api.served.select(
        "SELECT DISTINCT action, status, resource, actor FROM governance_decisions WHERE action = 'admin.subject.erase'"
        " AND status = 'ok'"
    )
    assert rows == [{"action": "admin.subject.erase", "status": "ok", "resource": "erased", "actor": "ada"}]


async def test_nobody_erases_without_the_right_and_the_last_administrator_stays(api: Api) -> None:
    assert (await api.ask("POST", "/api/v1/users/dora/erasure", ORDER, who="grace")).status == 403
    last = await api.ask("POST", "/api/v1/users/ada/erasure", ORDER | {"confirm": "ada"})
    assert last.status == 409
    assert (await api.ask("GET", "/api/v1/users/ada")).body["state"] == "active"


async def test_hold_is_set_listed_refuses_and_is_lifted(api: Api) -> None:
    await api.ask("GET", "/api/v1/users", who="dora")
    made = await api.ask("POST", "/api/v1/audit/holds", {"reason": "case 4711", "user": "dora"})
    assert made.body["user"] == "dora"
    refused = await api.ask("POST", "/api/v1/users/dora/erasure", ORDER)
    assert (refused.status, "hold" in refused.body["error"]["message"]) == (409, True)
    listed = await api.ask("GET", "/api/v1/audit/holds")
    assert [(row["hold"], row["user"]) for row in listed.body["items"]] == [(made.body["hold"], "dora")]
    assert (await api.ask("DELETE", f"/api/v1/audit/holds/{made.body['hold']}")).status == 204
    assert (await api.ask("DELETE", f"/api/v1/audit/holds/{made.body['hold']}")).status == 404
    assert (await api.ask("POST", "/api/v1/users/dora/erasure", ORDER)).status == 200


async def test_hold_on_everything_or_on_no_time_is_refused(api: Api) -> None:
    for order in (
        {"reason": "all"},
        {"reason": "none", "since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"reason": "odd", "resource": "tool"},
        {"reason": "naive", "since": "2026-02-01T00:00:00"},
    ):
        assert (await api.ask("POST", "/api/v1/audit/holds", order)).status == 400, order


async def test_plan_of_retention_is_shown(api: Api) -> None:
    assert (await api.ask("GET", "/api/v1/audit/retention")).body == {"items": [], "next": None}
