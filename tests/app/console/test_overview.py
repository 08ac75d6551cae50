from datetime import UTC, datetime, timedelta

from app.audit.reading import TALLIED_ROWS
from app.audit.store import Tally
from app.console.overview import MINUTES, chart, totals

NOW = datetime(2026, 5, 4, 3, 2, 40, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


def tally(kind: str, action: str, rows: int, *, ago: int = 0, tokens: int = 0, cost: int = 0) -> Tally:
    minute = MINUTE - timedelta(minutes=ago)
    return Tally(minute=minute, kind=kind, action=action, rows=rows, tokens=tokens, microdollars=cost)


def test_totals_count_decisions_once_and_what_outcomes_used() -> None:
    found = totals(
        [
            tally("intent", "model.invoke", 3), tally("outcome", "model.invoke", 3, tokens=90, cost=12),
            tally("intent", "tool.call", 2, ago=4), tally("intent", "tool.use", 1), tally("denial", "tool.call", 5),
            tally("lost", "model.invoke", 1), tally("intent", "admin.user.create", 7),
        ]
    )  # fmt: skip
    assert (found.permitted, found.denied, found.model_calls, found.tool_calls) == (13, 5, 3, 3)
    assert (found.tokens, found.microdollars, found.capped) == (90, 12, False)


def test_the_chart_ends_with_this_minute_and_its_highest_bar_fills_it() -> None:
    bars = chart([tally("intent", "x", 3), tally("denial", "x", 1), tally("intent", "x", 1, ago=5)], now=NOW)
    assert len(bars) == MINUTES
    assert bars[-1].start == MINUTE
    assert (bars[-1].permitted_height, bars[-1].denied_height) == (75.0, 25.0)
    assert bars[-6].permitted_height == 25.0


def test_something_that_happened_once_beside_very_much_is_still_seen() -> None:
    bars = chart([tally("intent", "x", 1_000_000), tally("denial", "x", 1, ago=1)], now=NOW)
    assert bars[-2].denied_height > 0


def test_a_quiet_site_has_an_empty_chart() -> None:
    assert {(bar.permitted_height, bar.denied_height) for bar in chart([], now=NOW)} == {(0.0, 0.0)}


def test_permitted_looks_at_the_record_are_not_counted_and_refused_ones_are() -> None:
    looks = [
        tally("intent", "console.view", 9),
        tally("intent", "audit.read", 9),
        tally("denial", "audit.read", 2),
    ]
    found = totals(looks)
    assert (found.permitted, found.denied) == (0, 2)
    assert chart(looks, now=NOW)[-1].permitted == 0


def test_figures_over_a_capped_number_of_rows_say_so() -> None:
    assert totals([tally("intent", "console.view", TALLIED_ROWS)]).capped
