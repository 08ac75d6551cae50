"""The admin API through the real server: each request is decided, recorded and answered in one shape."""

import pytest

from tests.fix_api import Api

POLICY = b"""\
policy: site
rules:
  - {id: closed, effect: forbid, actions: [model.invoke], reason: Closed today.}
tests:
  - {name: closed, given: {user: dora, action: model.invoke, model: any}, expect: forbid, rule: closed}
"""


async def test_applied_policy_holds_and_is_recorded(api: Api) -> None:
    applied = await api.ask("PUT", "/api/v1/policies/site", POLICY)
    assert (applied.status, applied.body["version"], applied.body["changed"]) == (200, 1, True)
    shown = await api.ask("GET", "/api/v1/policies/site")
    assert shown.body["source"].encode() == POLICY
    assert shown.body["author"] == "user:ada"
    explained = await api.ask(
        "POST", "/api/v1/policy/explain",
        {"given": {"user": "dora", "roles": ["developer"], "action": "model.invoke", "model": "m"}},
    )  # fmt: skip
    assert explained.body["decision"]["message"] == "Forbidden by rule site/closed: Closed today."
    trace = applied.headers["traceparent"].split("-")[1]
    rows = api.served.select(
        "SELECT door, action, resource, actor, decision, status FROM governance_decisions WHERE trace_id = %s",
        trace,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("api", "admin.policy.apply", "site", "ada", "permit", "ok")
    ]
    _, outcome = await api.served.site.reading.trace(trace)
    assert outcome.body["result"]["version"] == 1


async def test_policy_life_through_the_api(api: Api) -> None:
    await api.ask("PUT", "/api/v1/policies/site", POLICY)
    await api.ask("PUT", "/api/v1/policies/site", POLICY + b"# more\n")
    diff = await api.ask("GET", "/api/v1/policies/site/diff?old=1&new=2")
    assert "+# more" in diff.body["diff"]
    rolled = await api.ask("POST", "/api/v1/policies/site/rollback", {})
    assert rolled.body["version"] == 1
    history = await api.ask("GET", "/api/v1/policies/site/history")
    assert [row["version"] for row in history.body["activations"]] == [1, 2, 1]
    assert (await api.ask("DELETE", "/api/v1/policies/site")).status == 204
    listed = await api.ask("GET", "/api/v1/policies")
    assert {row["name"]: row["applied"] is None for row in listed.body["items"]}["site"] is True


async def test_policy_mistakes_are_told(api: Api) -> None:
    wrong = await api.ask("PUT", "/api/v1/policies/site", POLICY.replace(b"effect", b"efect", 1))
    assert (wrong.status, wrong.body["error"]["code"]) == (400, "policy_invalid")
    assert wrong.body["error"]["message"] == "line 3: unknown key 'efect'."
    assert wrong.body["error"]["remedy"] == "Did you mean effect?"
    other = await api.ask("PUT", "/api/v1/policies/other", POLICY)
    assert other.body["error"]["code"] == "policy_name_differs"
    failing = await api.ask(
        "PUT", "/api/v1/policies/site", POLICY.replace(b"expect: forbid, rule: closed", b"expect: permit")
    )
    assert failing.body["error"]["code"] == "policy_tests_fail"
    checked = await api.ask("POST", "/api/v1/policy/check", POLICY)
    assert checked.body["cases"][0]["problem"] == ""


async def test_nobody_gets_401_and_a_stranger_403(api: Api) -> None:
    nobody = await api.ask("GET", "/api/v1/users", who="")
    assert (nobody.status, nobody.body["error"]["code"]) == (401, "credential_missing")
    assert nobody.headers["WWW-Authenticate"] == 'Bearer realm="sallyport"'
    stranger = await api.ask("POST", "/api/v1/users", {"name": "eve"}, who="dora")
    assert (stranger.status, stranger.body["error"]["code"]) == (403, "no_rule_permits")
    trace = stranger.body["error"]["trace_id"]
    assert trace == stranger.headers["traceparent"].split("-")[1]
    (row,) = api.served.select("SELECT * FROM governance_decisions WHERE trace_id = %s", trace)
    assert (row["status"], row["actor"], row["action"], row["resource"]) == (
        "denied",
        "dora",
        "admin.user.create",
        "eve",
    )


async def test_unreadable_body_is_told_only_to_those_who_may(api: Api) -> None:
    bad = b'{"name": "eve", "name": "ada"}'
    for who, status in (("ada", 400), ("dora", 403), ("", 401)):
        answer = await api.ask(
            "POST", "/api/v1/users", bad, who=who, headers={"Content-Type": "application/json"}
        )
        assert answer.status == status
    told = await api.ask("POST", "/api/v1/users", bad, headers={"Content-Type": "application/json"})
    assert told.body["error"]["code"] == "duplicate_member"
    assert len(api.served.record("kind = 'denial'")) == 2
    assert len(api.served.select("SELECT FROM audit_events WHERE kind = 'outcome' AND status = 'error'")) == 2


async def test_auditor_reads_the_record_in_pages_and_changes_nothing(api: Api) -> None:
    first = await api.ask("GET", "/api/v1/audit/calls?limit=3", who="grace")
    second = await api.ask("GET", f"/api/v1/audit/calls?limit=3&cursor={first.body['next']}", who="grace")
    ids = [line["id"] for line in (*first.body["items"], *second.body["items"])]
    assert len(set(ids)) == 6
    assert ids == sorted(ids, reverse=True)
    line = first.body["items"][-1]
    events = await api.ask("GET", f"/api/v1/audit/events/{line['id']}", who="grace")
    assert events.body["events"][0]["id"] == line["id"]
    trace = await api.ask("GET", f"/api/v1/audit/traces/{line['trace_id']}", who="grace")
    assert trace.status == 200
    quiet = await api.ask("GET", "/api/v1/audit/calls?reads=false", who="grace")
    assert {line["action"] for line in quiet.body["items"]}.isdisjoint({"audit.read"})
    newer = await api.ask("GET", f"/api/v1/audit/calls?since={ids[0]}", who="grace")
    assert newer.body["items"]
    assert all(line["id"] >= ids[0] for line in newer.body["items"])
    assert (await api.ask("GET", "/api/v1/users", who="grace")).status == 403


async def test_people_groups_roles_and_keys(api: Api) -> None:
    made = await api.ask("POST", "/api/v1/users", {"name": "eve", "password": "correct horse battery"})
    assert (made.status, made.body["name"], made.body["state"]) == (201, "eve", "active")
    assert (await api.ask("POST", "/api/v1/users", {"name": "eve"})).status == 409
    await api.ask("POST", "/api/v1/groups", {"name": "red"})
    await api.ask("POST", "/api/v1/roles", {"name": "tester"})
    await api.ask("PUT", "/api/v1/groups/red/roles/tester")
    await api.ask("PUT", "/api/v1/groups/red/members/eve")
    assert (await api.ask("GET", "/api/v1/users/eve")).body["roles"] == ["tester"]
    key = await api.ask("POST", "/api/v1/keys", {"owner": "eve", "scopes": ["audit.*"]})
    api.keys["eve"] = key.body["token"]
    answer = await api.ask("GET", "/api/v1/status", who="eve")
    assert (answer.status, answer.body["error"]["code"]) == (403, "scope_insufficient")
    assert (await api.ask("DELETE", f"/api/v1/keys/{key.body['key']['prefix']}")).status == 204
    assert (await api.ask("GET", "/api/v1/status", who="eve")).status == 401
    assert (await api.ask("GET", "/api/v1/users/nobody")).body["error"]["code"] == "not_found"
    recorded = api.served.select(
        "SELECT string_agg(convert_from(entry, 'UTF8'), '') AS text FROM audit_events"
    )
    assert "correct horse" not in recorded[0]["text"]
    assert key.body["token"] not in recorded[0]["text"]


async def test_sessions_begin_by_link_and_end_at_once(api: Api) -> None:
    linked = await api.ask("POST", "/api/v1/users/dora/link")
    assert linked.body["path"] == f"/console/link/{linked.body['token']}"
    assert (await api.ask("GET", "/api/v1/sessions")).body == {"items": [], "next": None}
    assert (await api.ask("GET", "/api/v1/users/dora/sessions")).body["items"] == []
    assert (await api.ask("DELETE", "/api/v1/users/dora/sessions")).status == 204
    missing = await api.ask("DELETE", "/api/v1/sessions/0195f0aa-0000-7000-8000-000000000000")
    assert missing.status == 404
    recorded = api.served.select(
        "SELECT string_agg(convert_from(entry, 'UTF8'), '') AS text FROM audit_events"
    )
    assert linked.body["token"] not in recorded[0]["text"]


async def test_whole_key_in_a_path_is_not_recorded(api: Api) -> None:
    shown = await api.ask("GET", f"/api/v1/keys/{api.keys['dora']}")
    assert shown.body["owner"] == "dora"
    recorded = api.served.select(
        "SELECT string_agg(convert_from(entry, 'UTF8'), '') AS text FROM audit_events"
    )
    assert api.keys["dora"][14:] not in recorded[0]["text"]


async def test_last_administrator_stays(api: Api) -> None:
    answer = await api.ask("DELETE", "/api/v1/users/ada")
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")


async def test_lists_come_in_pages(api: Api) -> None:
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = await api.ask("GET", f"/api/v1/users?limit=1&cursor={cursor}")
        seen += [user["name"] for user in page.body["items"]]
        cursor = page.body["next"]
    assert (seen, cursor) == (["ada", "dora", "grace"], None)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/users?limit=0", "invalid_parameter"),
        ("/api/v1/users?limit=x", "invalid_parameter"),
        ("/api/v1/users?colour=red", "invalid_parameter"),
        ("/api/v1/users?limit=1&limit=2", "duplicate_parameter"),
        ("/api/v1/users?cursor=AAAA", "invalid_cursor"),
        ("/api/v1/audit/calls?cursor=AWFkYQ", "invalid_cursor"),
        ("/api/v1/status?x=1", "unknown_parameter"),
        ("/api/v1/audit/events/none", "invalid_request"),
    ],
)
async def test_unusable_parameters_are_refused(api: Api, path: str, code: str) -> None:
    answer = await api.ask("GET", path)
    assert (answer.status, answer.body["error"]["code"]) == (400, code)


async def test_status_says_what_is_in_force(api: Api) -> None:
    status = (await api.ask("GET", "/api/v1/status")).body
    assert status["policies"] == ["builtin", "starter"]
    assert status["policy_problem"] == ""
    assert status["record_available"] is True


async def test_openapi_lists_every_route(api: Api) -> None:
    described = (await api.ask("GET", "/api/openapi.json", who="")).body
    assert described["openapi"] == "3.1.0"
    assert set(described["paths"]["/api/v1/users/{name}"]) == {"get", "delete"}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            filled = path.replace("{", "").replace("}", "")
            answer = await api.ask(method.upper(), filled, who="")
            assert answer.status == 401, operation["operationId"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415, "unsupported_media_type"),
        ({"Content-Encoding": "gzip"}, b"{}", 415, "unsupported_encoding"),
        ({}, b" " * 2_000_000, 413, "body_too_large"),
        ({}, b"[" * 100_000, 400, "too_deep"),
        ({}, b'{"name": "\xff"}', 400, "invalid_utf8"),
        ({}, b'{"name": "\\ud800"}', 400, "lone_surrogate"),
        ({}, b'{"name": "eve"', 400, "invalid_json"),
        ({}, b'{"name": "eve", "admin": true}', 400, "invalid_shape"),
        ({}, b'{"name": "eve\\u0000"}', 400, "invalid_name"),
        ({}, b"null", 400, "invalid_json"),
    ],
)  # fmt: skip
async def test_hostile_body_is_refused_in_the_same_shape(
    api: Api, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    answer = await api.ask(
        "POST", "/api/v1/users", body, headers={"Content-Type": "application/json"} | headers
    )
    assert (answer.status, answer.body["error"]["code"]) == (status, code)
    (row,) = api.served.record("kind = 'intent' AND action = 'admin.user.create'")
    assert row["trace_id"] == answer.body["error"]["trace_id"]
    assert (await api.ask("GET", "/api/v1/users/eve")).status == 404


async def test_cookie_is_no_credential(api: Api) -> None:
    cookie = {"Cookie": f"sallyport_session={api.keys['ada']}; __Host-session={api.keys['ada']}"}
    assert (await api.ask("DELETE", "/api/v1/users/dora", who="", headers=cookie)).status == 401
