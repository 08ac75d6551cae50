import csv
import io
import json
from datetime import UTC
from typing import Any

import msgspec
import pytest

from app.audit.event import Event
from app.audit.query.columns import NAMES, SHORT, WHOLE, chosen
from app.audit.query.lines import RecordLine, line_of
from app.audit.query.writers import WRITERS, harmless, printable
from app.core.errors import InputError

ROW = "019abcde-0000-7000-8000-000000000001"


def line(**members: Any) -> RecordLine:
    decided = Event(
        id=ROW, time="2026-11-21T15:30:10.000001Z", kind="intent", call=ROW, action="tool.call", decision="permit",
        body={"arguments": {"q": "x"}}, **members,
    )  # fmt: skip
    ended = Event(
        id=ROW, time="2026-11-21T15:30:11.000001Z", kind="outcome", call=ROW, status="ok", microdollars=7,
        body={"result": [1]},
    )  # fmt: skip
    return line_of(decided, ended, bodies=True)


def written(form: str, *pages: list[RecordLine], names: tuple[str, ...] = NAMES) -> str:
    writer = WRITERS[form](names, UTC)
    return writer.begin() + "".join(writer.page(page) for page in pages) + writer.end()


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff20x"]
)
def test_no_cell_of_csv_is_a_formula(cell: str) -> None:
    rows = list(csv.reader(io.StringIO(written("csv", [line(resource=cell)]))))
    found = rows[1][NAMES.index("resource")]
    assert found.startswith("'")
    assert harmless(cell) == found


def test_csv_has_one_line_of_text_per_row_whatever_a_cell_holds() -> None:
    text = written("csv", [line(client='a"b\nc\r\nd,e\u2028f;g')], [line()])
    assert text.count("\r\n") == 3
    assert text.replace("\r\n", "").count("\n") == 0
    rows = list(csv.reader(io.StringIO(text)))
    assert [len(row) for row in rows] == [len(NAMES)] * 3
    assert rows[1][NAMES.index("client")] == 'a"b\\nc\\r\\nd,e\\u2028f;g'


def test_terminal_gets_no_control_characters() -> None:
    text = written("table", [line(resource="\x1b]0;owned\x07\u202egnp")], names=SHORT)
    assert "\x1b" not in text
    assert "\\x1b]0;owned\\x07\\u202egnp" in text
    assert printable("naïve 人") == "naïve 人"


def test_json_is_one_array_over_pages_and_empty_without_lines() -> None:
    found = json.loads(written("json", [line(), line()], [line()]))
    assert [entry["microdollars"] for entry in found] == [7, 7, 7]
    assert found[0]["arguments"] == {"q": "x"}
    assert found[0]["time"] == "2026-11-21T15:30:10.000001Z"
    assert json.loads(written("json", [])) == []


def test_json_lines_are_objects_of_the_chosen_columns() -> None:
    text = written("jsonl", [line(), line()], names=("id", "status"))
    assert [json.loads(each) for each in text.splitlines()] == [{"id": ROW, "status": "ok"}] * 2


def test_columns_are_chosen_by_name() -> None:
    assert chosen("id, actor", standard=SHORT) == ("id", "actor")
    assert chosen(None, standard=WHOLE) == WHOLE
    assert set(chosen("all", standard=SHORT)) == set(RecordLine.__struct_fields__)
    for wrong in ("id,nothing", "id,id", ""):
        with pytest.raises(InputError, match="column"):
            chosen(wrong, standard=SHORT)


def test_an_open_call_and_an_event_have_their_status() -> None:
    row = {"id": ROW, "time": "2026-11-21T15:30:10.000001Z", "call": ROW}
    opened = line_of(msgspec.convert({**row, "kind": "intent"}, Event), None, bodies=False)
    event = line_of(msgspec.convert({**row, "kind": "event", "status": "ok"}, Event), None, bodies=False)
    denial = line_of(
        msgspec.convert({**row, "kind": "denial", "body": {"message": "no"}}, Event), None, bodies=True
    )
    assert [(found.status, found.decision) for found in (opened, event, denial)] == [
        ("open", "forbid"),
        ("ok", ""),
        ("denied", "forbid"),
    ]
    assert denial.error == "no"
