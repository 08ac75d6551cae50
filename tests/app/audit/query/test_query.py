from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.audit.query.query import (
    SLACK,
    Query,
    cursor_of,
    first_id,
    id_of_cursor,
    like,
    moment_of,
    parameters,
)
from app.core.errors import InputError
from app.core.ids import uuid7

NOW = datetime(2026, 11, 21, 15, 30, 10, tzinfo=UTC)


def test_pattern_characters_of_sql_are_plain() -> None:
    assert like(r"100%_sure\*") == r"100\%\_sure\\%"


def test_cursor_leads_back_to_its_row_and_no_other_text_is_one() -> None:
    row = uuid7()
    assert id_of_cursor(cursor_of(row)) == row
    assert id_of_cursor("") is None
    for wrong in ("x", "AAAA", cursor_of(row)[:-4], str(row), cursor_of(row) + "AAAA", "ä" * 24):
        with pytest.raises(InputError, match="cursor") as refused:
            id_of_cursor(wrong)
        assert refused.value.code == "invalid_cursor"


def test_time_bounds_become_ids_and_a_cursor_becomes_a_time_bound() -> None:
    given = parameters(Query(since=NOW, until=NOW + timedelta(hours=1)), after=None)
    assert given["first"] <= first_id(NOW)
    assert given["last"] >= first_id(NOW + timedelta(hours=1))
    row = UUID(int=first_id(NOW).int + 1)
    bounded = parameters(Query(), after=row)
    assert bounded["last"] == row
    assert bounded["until"] == moment_of(row) + SLACK


def test_ids_that_are_no_moments_bound_nothing() -> None:
    assert moment_of(UUID(int=2**128 - 1)) > datetime(9000, 1, 1, tzinfo=UTC)
    assert parameters(Query(), after=UUID(int=2**128 - 1))["last"] == UUID(int=2**128 - 1)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (Query(status=("ok", "fine")), "'fine' is not a status"),
        (Query(actor="a\x00"), "U\\+0000"),
        (Query(client="x" * 401), "too long"),
        (Query(since=NOW, until=NOW), "range is empty"),
        (Query(arguments={"a": ["\x00"]}), "U\\+0000"),
    ],
)
def test_what_cannot_be_asked_is_refused(query: Query, why: str) -> None:
    with pytest.raises(InputError, match=why):
        query.checked()
