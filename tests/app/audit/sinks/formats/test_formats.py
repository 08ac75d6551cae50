"""What each format makes of the same three rows, to the byte."""

import json
from typing import Any

from app import __version__
from app.audit.event import Event
from app.audit.sinks.formats.cef import cef
from app.audit.sinks.formats.envelope import bulk_action, splunk_event
from app.audit.sinks.formats.ocsf import ocsf
from app.audit.sinks.formats.plain import plain, redacted
from app.audit.sinks.formats.syslog import frame, message

ID, CALL, BOOT = (
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890a5d-ac96-774b-bcce-b302099a8056",
    "3f0d7e1c-5a0e-4c11-9d43-0d6a4b5f2a10",
)
DENIAL = Event(
    id=ID, time="2026-03-01T08:09:10.123456Z", kind="denial", call=ID, node="node-1", boot=BOOT, seq=7,
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736", door="mcp", action="tool.call", resource_kind="tool",
    resource="files/delete|all", actor_id="u1", actor_kind="user", actor='ada "the=first" ]\\', client="claude/1",
    address="10.0.0.9", decision="forbid", reason="forbidden_by_rule", rule_ids=["r1", "r2"],
    policy_hash="sha256:ab", body={"arguments": {"path": "/etc\nCEF:0|x"}, "message": "No."},
)  # fmt: skip
OUTCOME = Event(
    id=ID, time="2026-03-01T08:09:10.5Z", kind="outcome", call=CALL, node="node-1", boot=BOOT, seq=8,
    action="model.invoke", status="ok", input_tokens=10, output_tokens=5, microdollars=42, latency_us=1500,
)  # fmt: skip
SIGN_IN = Event(
    id=ID, time="2026-03-01T08:09:10Z", kind="intent", call=ID, node="node-1", boot=BOOT, seq=9, door="console",
    action="session.create", resource_kind="session", resource="ada", actor_kind="user", actor="ada",
    address="2001:db8::1", decision="permit", reason="permitted_by_rule",
)  # fmt: skip


def test_json_is_the_stored_bytes() -> None:
    assert plain(DENIAL, DENIAL.entry()) == DENIAL.entry()


def test_redacted_rows_keep_everything_but_contents() -> None:
    row = redacted(DENIAL)
    assert set(row.body["arguments"]) == {"sha256", "bytes"}
    assert b"etc" not in row.entry()
    assert (row.actor, row.id, row.resource) == (DENIAL.actor, DENIAL.id, DENIAL.resource)


def test_cef_escapes_what_ends_its_fields() -> None:
    assert cef(DENIAL, b"").decode() == (
        f"CEF:0|Sallyport|Sallyport|{__version__}|tool.call|denial tool.call|6|"
        f"rt=1772352550123 externalId={ID} cat=denial act=forbid reason=forbidden_by_rule"
        ' suser=ada "the\\=first" ]\\\\ suid=u1 src=10.0.0.9 app=mcp dvchost=node-1'
        f" deviceExternalId={BOOT} requestClientApplication=claude/1"
        " cs1Label=trace cs1=4bf92f3577b34da6a3ce929d0e0e4736 cs2Label=resource cs2=tool:files/delete|all"
        " cs3Label=rules cs3=r1,r2 cs4Label=policy cs4=sha256:ab"
        f" cs6Label=call cs6={ID}"
        ' msg={"arguments": {"path": "/etc\\\\nCEF:0|x"}, "message": "No."}'
    )


def test_cef_of_an_outcome_counts() -> None:
    line = cef(OUTCOME, b"").decode()
    assert "|2|rt=" in line
    for part in ("outcome=ok", "cn1Label=tokens cn1=15", "cn2=42", "cn3=1500"):
        assert part in line


def test_syslog_structured_data_escapes_quote_backslash_and_bracket() -> None:
    text = message(DENIAL, None).decode()
    assert text.startswith(
        f'<108>1 2026-03-01T08:09:10.123456Z node-1 sallyport - tool.call [sallyport@32473 id="{ID}" kind="denial"'
    )
    assert 'actor="ada \\"the=first\\" \\]\\\\"' in text
    assert text.endswith('] ada "the=first" ]\\ tool.call tool:files/delete|all: forbid')


def test_syslog_carries_a_payload_after_an_empty_element() -> None:
    assert message(OUTCOME, b"{}") == b"<110>1 2026-03-01T08:09:10.5Z node-1 sallyport - model.invoke - {}"
    assert frame(b"ab\ncd") == b"5 ab\ncd"


def test_splunk_gets_time_host_and_the_row_as_an_object() -> None:
    event = json.loads(splunk_event(OUTCOME, OUTCOME.entry(), text=False, index="audit"))
    assert event["time"] == "1772352550.500000"
    assert (event["host"], event["index"], event["fields"]["id"]) == ("node-1", "audit", ID)
    assert event["event"] == json.loads(OUTCOME.entry())


def test_bulk_creates_a_document_under_the_rows_id() -> None:
    action, document = bulk_action(OUTCOME, OUTCOME.entry(), index="audit").split(b"\n")
    assert json.loads(action) == {"create": {"_id": ID, "_index": "audit"}}
    assert document == OUTCOME.entry()


# Attributes that OCSF 1.3 requires, by class; those of every class first.
REQUIRED = {
    0: ("activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"),
    6003: ("actor", "api", "src_endpoint"),
    3002: ("user",),
}


def valid(event: Event) -> dict[str, Any]:
    """The OCSF event, checked by what the schema asks of its class."""
    found = json.loads(ocsf(event, b""))
    for name in (*REQUIRED[0], *REQUIRED.get(found["class_uid"], ())):
        assert name in found, name
    assert found["type_uid"] == found["class_uid"] * 100 + found["activity_id"]
    assert found["class_uid"] // 1000 == found["category_uid"]
    assert found["severity_id"] in range(7)
    assert found["metadata"]["version"] == "1.3.0"
    assert found["metadata"]["product"]["vendor_name"]
    assert isinstance(found["time"], int)
    if found["class_uid"] == 6003:
        assert found["api"]["operation"]
        assert {"ip", "name"} & found["src_endpoint"].keys()
        assert found["actor"]["user"].keys() & {"name", "uid"}
    if found["class_uid"] == 3002:
        assert {"service", "dst_endpoint"} & found.keys()
    return found


def test_ocsf_calls_are_api_activity() -> None:
    found = valid(DENIAL)
    assert (found["class_uid"], found["activity_id"], found["activity_name"]) == (6003, 99, "tool.call")
    assert (found["action_id"], found["disposition_id"], found["status_id"]) == (2, 2, 2)
    assert found["src_endpoint"] == {"name": "claude/1", "ip": "10.0.0.9"}
    assert found["resources"] == [{"type": "tool", "name": "files/delete|all"}]
    assert found["unmapped"]["body"] == DENIAL.body
    outcome = valid(OUTCOME)
    assert (outcome["status"], outcome["unmapped"]["microdollars"]) == ("Success", 42)


def test_ocsf_sign_in_is_authentication_and_an_event_of_ours_a_base_event() -> None:
    found = valid(SIGN_IN)
    assert (found["class_uid"], found["activity_name"], found["user"]["name"]) == (3002, "Logon", "ada")
    ours = Event(id=ID, time=DENIAL.time, kind="event", call=ID, action="record.sink.behind")
    assert valid(ours)["class_uid"] == 0
