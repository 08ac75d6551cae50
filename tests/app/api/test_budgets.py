"""Budgets through the API."""

from tests.fix_api import Api

LAB = {
    "subject_kind": "everyone",
    "hard": 5_000_000,
    "soft": [4_000_000],
    "period": "week",
    "models": ["gpt*"],
}


async def test_budgets_are_set_listed_shown_and_removed(api: Api) -> None:
    made = await api.ask("PUT", "/api/v1/budgets/lab", LAB)
    assert (made.status, made.body["hard"], made.body["created_by"]) == (200, 5_000_000, "ada")
    await api.ask("PUT", "/api/v1/budgets/dora", {"subject_kind": "user", "subject": "dora", "hard": 1})
    listed = await api.ask("GET", "/api/v1/budgets")
    names = [(row["budget"]["name"], row["budget"]["subject"]) for row in listed.body["items"]]
    assert names == [("dora", "dora"), ("lab", "")]
    assert (await api.ask("GET", "/api/v1/budgets/lab")).body == {"budget": made.body, "spending": []}
    assert (await api.ask("DELETE", "/api/v1/budgets/lab")).status == 204
    assert (await api.ask("GET", "/api/v1/budgets/lab")).status == 404
    assert (await api.ask("GET", "/api/v1/spend")).body == {"items": []}
    rows = api.served.select(
        "SELECT action, resource FROM governance_decisions WHERE status = 'ok'"
        " AND action IN ('admin.budget.set', 'admin.budget.remove') ORDER BY time"
    )
    assert [(row["action"], row["resource"]) for row in rows] == [
        ("admin.budget.set", "lab"), ("admin.budget.set", "dora"), ("admin.budget.remove", "lab"),
    ]  # fmt: skip


async def test_nobody_else_sets_budgets_and_nonsense_is_refused(api: Api) -> None:
    assert (await api.ask("PUT", "/api/v1/budgets/lab", LAB, who="dora")).status == 403
    assert (await api.ask("PUT", "/api/v1/budgets/lab", LAB | {"hard": -1})).status == 400
    assert (await api.ask("PUT", "/api/v1/budgets/lab", LAB | {"zone": "Nowhere"})).status == 400
    nobody = await api.ask(
        "PUT", "/api/v1/budgets/lab", {"subject_kind": "user", "subject": "eve", "hard": 1}
    )
    assert nobody.status == 404
