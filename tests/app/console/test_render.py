from datetime import UTC, datetime

import pytest

from app.console import render
from app.console.render import Templates
from app.core.paths import resources


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates(resources() / "assets" / "console")


def test_what_cannot_be_seen_is_written_out() -> None:
    assert render.visible("adm\u202enimda") == "adm\\u202enimda"
    assert render.visible("a\u200bb\x00c\x1b[31m") == "a\\u200bb\\u0000c\\u001b[31m"
    assert render.visible("Zoë 李\n\tnext") == "Zoë 李\n\tnext"


def test_markup_in_values_is_text(templates: Templates) -> None:
    values = {
        "status": 404, "title": "<script>alert(1)</script>", "error": ValueError(), "decision": None,
        "trace_id": '"><img src=x onerror=alert(1)>', "form": "",
    }  # fmt: skip
    values["error"] = type("Failure", (), {"message": "<b>no</b>", "remedy": "{{ 7 * 7 }}"})()
    text = templates.render("refused.html", values)
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert "{{ 7 * 7 }}" in text


def test_no_template_carries_inline_style_script_or_a_foreign_address(templates: Templates) -> None:
    for path in (resources() / "assets" / "console").rglob("*"):
        if path.suffix not in (".html", ".css", ".js"):
            continue
        text = path.read_text(encoding="utf-8")
        for wrong in (
            "style=",
            "<style",
            "onclick=",
            "http:",
            "https:",
            "url(",
            "@import",
            "| safe",
            "|safe",
        ):
            assert wrong not in text, f"{path.name}: {wrong}"


@pytest.mark.parametrize(
    ("microdollars", "shown"),
    [(0, "$0"), (78, "$0.000078"), (120_000, "$0.12"), (1_000_000, "$1.00"), (1_234_567_890, "$1,234.57")],
)
def test_money_is_exact_where_it_is_small(microdollars: int, shown: str) -> None:
    assert render.money(microdollars) == shown


@pytest.mark.parametrize(
    ("microseconds", "shown"), [(0, "0 µs"), (999, "999 µs"), (12_345, "12.3 ms"), (2_500_000, "2.50 s")]
)
def test_durations_have_the_unit_that_reads_best(microseconds: int, shown: str) -> None:
    assert render.duration(microseconds) == shown


def test_times_of_rows_and_entries_read_the_same() -> None:
    moment = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)
    assert render.clock(moment) == render.clock("2026-05-04T03:02:01.123456Z") == "03:02:01.123"
    assert (
        render.iso(moment) == render.iso("2026-05-04T05:02:01.123456+02:00") == "2026-05-04T03:02:01.123456Z"
    )


def test_an_assets_address_changes_with_its_content(templates: Templates) -> None:
    asset = templates.assets["console.css"]
    assert asset.url.startswith("/console/assets/console.css?v=")
    assert asset.type == "text/css"
