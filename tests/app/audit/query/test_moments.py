from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.audit.query.moments import day_or_month, moment, shown, zone_named
from app.core.errors import InputError

NOW = datetime(2026, 11, 21, 15, 30, 10, tzinfo=UTC)
EAST = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOW),
        ("2026-11-21T14:30:00Z", datetime(2026, 11, 21, 14, 30, tzinfo=UTC)),
        ("2026-11-21t14:30:00.25+02:00", datetime(2026, 11, 21, 12, 30, 0, 250000, tzinfo=UTC)),
        ("2026-11-21 14:30", datetime(2026, 11, 21, 14, 30, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        ("today", datetime(2026, 11, 21, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 11, 20, tzinfo=UTC)),
        ("yesterday 08:15", datetime(2026, 11, 20, 8, 15, tzinfo=UTC)),
        ("14:30", datetime(2026, 11, 21, 14, 30, tzinfo=UTC)),
        ("90m", NOW - timedelta(minutes=90)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2 hours ago", NOW - timedelta(hours=2)),
        ("3 days", NOW - timedelta(days=3)),
        ("2w", NOW - timedelta(days=14)),
    ],
)
def test_moment_is_read_as_it_is_meant(text: str, meant: datetime) -> None:
    assert moment(text, now=NOW) == meant


def test_dates_and_days_are_those_of_the_zone() -> None:
    assert moment("2026-11-21", now=NOW, zone=EAST) == datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert moment("today", now=NOW, zone=EAST) == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert moment("2026-11-21T00:00:00Z", now=NOW, zone=EAST) == datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-13-01",
        "2026-02-30",
        "2026-11-21T25:00Z",
        "2h 3x",
        "-2h",
        "99999999d",
        "0000-01",
        "\u0661\u0662:\u0660\u0660",
    ],
)
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match="is not a point in time") as refused:
        moment(text, now=NOW)
    assert "2026-11-21T14:30:00Z" in refused.value.remedy


def test_a_day_and_a_month_end_where_the_next_begins() -> None:
    assert day_or_month("2026-02-28", now=NOW) == (
        datetime(2026, 2, 28, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert day_or_month("2026-12", now=NOW) == (
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    berlin = zone_named("Europe/Berlin")
    first, end = day_or_month("2026-10-25", now=NOW, zone=berlin)
    assert end.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=25)


def test_zones_are_utc_local_offsets_and_names_of_the_host() -> None:
    assert zone_named("utc") is UTC
    assert zone_named("-03:30").utcoffset(None) == timedelta(hours=-3, minutes=-30)
    assert NOW.astimezone(zone_named("local")) == NOW
    assert shown(NOW, zone_named("Europe/Berlin")) == "2026-11-21T16:30:10.000000+01:00"
    assert shown(NOW, UTC) == "2026-11-21T15:30:10.000000Z"


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "+25:00", "", "Europe/", "a" * 99]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is not a time zone"):
        zone_named(name)
