"""Laws of the formats: whatever stands in a row, what is written is valid and nothing breaks out of its field."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit.event import Event
from app.audit.sinks.formats.cef import cef
from app.audit.sinks.formats.envelope import bulk_action, splunk_event
from app.audit.sinks.formats.plain import redacted
from app.audit.sinks.formats.syslog import frame, message, structured_data
from tests.app.audit.sinks.formats.test_formats import valid

# What others take for structure, often.
EVIL = st.sampled_from(
    ["\n", "\r\n", "\x00", "|", "=", "\\", '"', "]", "[", "[x@1 y=\"z\"]", "\u2028", "\x85", " act=permit ", "\\n",
     "CEF:0|a|b|c|d|e|9|", "<13>1 ", "12 <", "{}", "\ufeff", "\u202e", "\ud7ff", "𝄞"]
)  # fmt: skip
TEXT = st.lists(EVIL | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=6).map("".join)
VALUE = st.recursive(
    TEXT | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.builds(
    Event,
    id=st.uuids().map(str),
    time=st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z") | TEXT,
    kind=st.sampled_from(["intent", "outcome", "denial", "lost", "event"]),
    call=st.uuids().map(str),
    node=TEXT, boot=TEXT, seq=st.integers(-1, 2**62), trace_id=TEXT, door=TEXT, action=TEXT, resource_kind=TEXT,
    resource=TEXT, actor_id=TEXT, actor_kind=TEXT, actor=TEXT, client=TEXT, address=TEXT, agent=TEXT, session=TEXT,
    credential=TEXT, decision=TEXT, reason=TEXT, policy_hash=TEXT, rule_ids=st.lists(TEXT, max_size=3), status=TEXT,
    input_tokens=st.integers(0, 2**40), microdollars=st.integers(0, 2**40), body=st.dictionaries(TEXT, VALUE, max_size=3),
)  # fmt: skip
# RFC 5424 6: header fields, then the nil value or one element with escaped values.
HEADER = re.compile(
    rb"<(\d{1,3})>1 (-|[\x21-\x7e]{20,32}) [\x21-\x7e]{1,255} sallyport - [\x21-\x7e]{1,32} "
    rb'(-|\[sallyport@32473(?: [a-z_]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\]) '
)
PAIR = re.compile(r'([a-z_]+)="((?:[^"\\\]]|\\["\\\]])*)"')
BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@given(EVENTS)
def test_a_syslog_message_has_one_header_and_one_element_and_no_second_line(event: Event) -> None:
    data = message(event, None)
    found = HEADER.match(data)
    assert found is not None, data
    assert int(found[1]) // 8 == 13
    text = data.decode()
    assert not BREAKS.search(text)
    count, _, rest = frame(data).partition(b" ")
    assert (int(count), rest) == (len(data), data)


@given(EVENTS)
def test_structured_data_holds_the_values_of_the_row_and_no_others(event: Event) -> None:
    values = dict(PAIR.findall(structured_data(event)))
    given_back = {name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in values.items()}
    assert given_back["id"] == event.id
    for name in ("actor", "decision", "resource", "reason"):
        assert given_back.get(name, "") == BREAKS.sub(" ", getattr(event, name))


@pytest.mark.slow
@given(EVENTS)
def test_a_cef_line_has_seven_bars_and_only_our_keys(event: Event) -> None:
    line = cef(event, b"").decode()
    assert not BREAKS.search(line)
    fields = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    assert line.startswith("CEF:0|Sallyport|Sallyport|")
    assert len(fields) == 8
    assert fields[6] in {"2", "4", "6"}
    # A key is a word before an unescaped `=`; what follows, up to the next, is its value.
    pairs = [part.split("=", 1) for part in re.split(r" (?=[A-Za-z0-9]+=)", fields[7])]
    found = {key: re.sub(r"\\([\\=])", r"\1", value) for key, value in pairs}
    assert len(found) == len(pairs)
    wanted = {"act": event.decision, "outcome": event.status, "suser": event.actor, "reason": event.reason}
    for key, value in wanted.items():
        assert found.get(key, "") == BREAKS.sub(" ", value)


@given(EVENTS)
def test_ocsf_is_always_valid(event: Event) -> None:
    valid(event)


@pytest.mark.slow
@given(EVENTS)
def test_envelopes_are_json_that_holds_the_row(event: Event) -> None:
    entry = event.entry()
    assert b"\n" not in entry
    assert json.loads(splunk_event(event, entry, text=False, index=""))["event"] == json.loads(entry)
    assert json.loads(splunk_event(event, cef(event, entry), text=True, index=""))["event"].startswith(
        "CEF:0|"
    )
    assert bulk_action(event, entry, index="a").count(b"\n") == 1


@given(EVENTS, st.text("abcdefgh", min_size=12, max_size=20))
def test_a_redacted_row_holds_nothing_of_its_contents(event: Event, secret: str) -> None:
    event.body = {
        "arguments": {"a": [secret]},
        "result": secret,
        "error": secret,
        "message": secret,
        "details": {"x": secret},
    }
    assert secret.encode() not in redacted(event).entry()
