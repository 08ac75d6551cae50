"""The price table and its arithmetic."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from app.core.errors import ConfigError
from app.core.paths import resources
from app.core.usage import Usage
from app.gateway.money import Price, PriceTable, Rates, changes, gaps, read_prices

RATES = Rates(
    input=3_000_000, output=15_000_000, cache_read=300_000, cache_write=3_750_000, cache_write_long=6_000_000,
    reasoning=15_000_000,
)  # fmt: skip
PRICE = Price(table="1", entry="a", rates=RATES)
DAY = date(2026, 11, 21)


def table(tmp_path: Path, entries: str) -> PriceTable:
    path = tmp_path / "prices.yaml"
    path.write_text(f"version: 1\nprices:\n{entries}")
    return read_prices(path)


def price(tmp_path: Path, entry: str, day: date = DAY) -> Price:
    found = table(tmp_path, f"  a: {entry}\n").find("a", day)
    assert found is not None
    return found


def test_cost_is_integer_microdollars_rounded_up_once():
    assert PRICE.cost(Usage(input=1, output=1)) == 18
    assert PRICE.cost(Usage(cache_read=1)) == 1
    assert PRICE.cost(Usage(cache_read=10, cache_write=4)) == 18
    assert PRICE.cost(Usage()) == 0
    assert PRICE.cost(Usage(input=10**9, output=10**9)) == 18 * 10**9


def test_what_is_kept_in_a_cache_for_an_hour_costs_more():
    assert PRICE.cost(Usage(cache_write=1000, cache_write_long=400)) == 600 * 3.75 + 400 * 6


def test_reasoning_is_output_with_a_rate_of_its_own(tmp_path: Path):
    own = price(tmp_path, "{input: 1, output: 2, reasoning: 3}")
    assert own.cost(Usage(output=100, reasoning=40)) == 60 * 2 + 40 * 3
    assert PRICE.cost(Usage(output=100, reasoning=40)) == PRICE.cost(Usage(output=100))


def test_images_and_requests_have_a_price_each(tmp_path: Path):
    own = price(tmp_path, '{input: 0, output: 0, image: "0.04", request: "0.001"}')
    assert own.cost(Usage(images=3)) == 3 * 40_000 + 1000


def test_long_input_has_other_rates_for_the_whole_call(tmp_path: Path):
    long = "long: [{above: 1000, input: 2, output: 6}, {above: 5000, input: 4, output: 8}]"
    own = price(tmp_path, f"{{input: 1, output: 3, {long}}}")
    assert own.cost(Usage(input=600, cache_read=400, output=10)) == 1000 + 30
    assert own.cost(Usage(input=600, cache_read=401, output=10)) == 2002 + 60
    assert own.bill(Usage(input=6000, output=10)).price["tier"] == "above 5000"
    assert own.cost(Usage(input=6000, output=10)) == 24_000 + 80


def test_the_service_tier_that_the_answer_names_sets_the_rates(tmp_path: Path):
    own = price(tmp_path, "{input: 2, output: 4, services: {flex: {input: 1, output: 2}}}")
    assert own.cost(Usage(input=10, output=10, service="flex")) == 30
    unknown = own.bill(Usage(input=10, output=10, service="scale"))
    assert (unknown.microdollars, unknown.price["tier"], unknown.price["service"]) == (
        60,
        "standard",
        "scale",
    )


def test_seconds_of_gpus_are_priced_to_the_microsecond(tmp_path: Path):
    own = price(tmp_path, '{gpu_second: "0.000694", gpus: 4}')
    bill = own.bill(Usage(input=10**6, output=10**6), seconds=2.5000005)
    assert bill.price["gpu_us"] == 4 * 2_500_000
    assert bill.microdollars == 6940
    assert own.ceiling(body_bytes=10, output_tokens=10) == 60 * 4 * 694


@pytest.mark.parametrize("service", ["", "flex"])
def test_the_ceiling_is_never_below_the_cost(tmp_path: Path, service: str):
    long = "long: [{above: 500, input: 6, output: 20}]"
    own = price(tmp_path, f"{{input: 3, output: 15, services: {{flex: {{input: 4, output: 9}}}}, {long}}}")
    spent = own.cost(Usage(input=10, cache_write=990, output=500, reasoning=300, service=service))
    assert own.ceiling(body_bytes=3000, output_tokens=500, service=service) >= spent
    assert PRICE.ceiling(body_bytes=3000, output_tokens=500) >= PRICE.cost(
        Usage(input=10, cache_write=990, cache_write_long=990, output=500)
    )


def test_the_record_is_enough_to_compute_a_cost_again(tmp_path: Path):
    own = price(
        tmp_path, '{input: "0.1234567", output: 2, cache_read: "0.01", image: "0.04", from: 2026-01-01}'
    )
    usage = Usage(input=77, output=13, cache_read=9, images=1)
    bill = own.bill(usage)
    rates = bill.price["rates"]
    parts = 77 * rates["input"] + 13 * rates["output"] + 9 * rates["cache_read"] + rates["image"]
    assert bill.microdollars == -(-Fraction(parts, 10**6) // 1)
    assert (bill.price["table"], bill.price["entry"], bill.price["since"]) == ("1", "a", "2026-01-01")


def test_each_period_of_a_model_has_its_price(tmp_path: Path):
    entries = (
        "  a:\n"
        "    - {input: 1, output: 1, until: 2026-03-01}\n"
        "    - {input: 2, output: 2, from: 2026-03-01, until: 2026-06-01}\n"
        "    - {input: 3, output: 3, from: 2026-07-01}\n"
    )
    found = table(tmp_path, entries)
    days = [date(2020, 1, 1), date(2026, 2, 28), date(2026, 3, 1), date(2026, 5, 31), date(2030, 1, 1)]
    assert [found.find("a", day).rates.input // 10**6 for day in days] == [1, 1, 2, 2, 3]  # pyright: ignore[reportOptionalMemberAccess]
    assert found.find("a", date(2026, 6, 15)) is None
    assert found.ends("a", days[0]) == date(2026, 6, 1)
    assert found.ends("a", days[-1]) is None


def test_models_without_a_price_now_or_soon_are_found(tmp_path: Path):
    found = table(
        tmp_path, "  a: {input: 1, output: 1, until: 2026-12-01}\n  b: {input: 1, output: 1, until: 2026-01-01}\n"
    )  # fmt: skip
    models = [("x", "a"), ("y", "b"), ("z", "c"), ("w", "a-20260101")]
    assert [(gap.model, gap.ends) for gap in gaps(found, models, DAY, within=30)] == [
        ("x", date(2026, 12, 1)), ("y", DAY), ("z", None), ("w", date(2026, 12, 1)),
    ]  # fmt: skip
    assert [gap.model for gap in gaps(found, models, DAY, within=3)] == ["y", "z"]


def test_changes_between_tables_are_named(tmp_path: Path):
    before = table(tmp_path, "  a: {input: 1, output: 1}\n  b: {input: 1, output: 1}\n")
    after = table(tmp_path, "  a: {input: 2, output: 1}\n  c: {input: 1, output: 1}\n")
    found = {change.entry: (bool(change.before), bool(change.after)) for change in changes(before, after)}
    assert found == {"a": (True, True), "b": (True, False), "c": (False, True)}
    assert changes(before, before) == []


def test_the_shipped_table_is_read_and_dated_names_find_their_price():
    shipped = read_prices(resources() / "assets" / "prices.yaml")
    assert shipped.version
    sonnet = shipped.find("claude-sonnet-4-5-20250929", DAY)
    assert sonnet is not None
    assert sonnet.rates == RATES
    assert shipped.find("gpt-4o-mini-2024-07-18", DAY).rates.input == 150_000  # pyright: ignore[reportOptionalMemberAccess]
    assert shipped.find("local", DAY).cost(Usage(input=10**6)) == 0  # pyright: ignore[reportOptionalMemberAccess]
    assert shipped.find("some-new-model", DAY) is None
    assert shipped.find("gpt-4o-mini-20", DAY) is None


@pytest.mark.parametrize(
    "entry",
    [
        "{input: -1, output: 1}",
        "{input: 1}",
        "{input: x, output: 1}",
        "{input: true, output: 1}",
        "{input: 1, output: 1, extra: 1}",
        "{input: 1, input: 2, output: 1}",
        "[]",
        "{input: .nan, output: 1}",
        "{input: .inf, output: 1}",
        "{input: 1e99, output: 1}",
        "{input: 1, output: 1, from: 2026-02-01, until: 2026-02-01}",
        "{input: 1, output: 1, from: tomorrow}",
        "{input: 1, output: 1, from: 2026-02-01 10:00:00}",
        "[{input: 1, output: 1}, {input: 2, output: 2, from: 2026-01-01}]",
        "[{input: 1, output: 1, until: 2026-02-01}, {input: 2, output: 2, from: 2026-01-01}]",
        "{input: 1, output: 1, cache_read: 1, long: [{above: 10, input: 2, output: 2}]}",
        "{input: 1, output: 1, long: [{input: 2, output: 2}]}",
        "{input: 1, output: 1, services: {flex: {input: 1, output: 1, speed: 1}}}",
        "{gpu_second: 1, gpus: 0}",
        "{gpu_second: 1, gpus: 1.5}",
    ],
)
def test_a_wrong_table_is_a_config_error_that_names_the_entry(tmp_path: Path, entry: str):
    with pytest.raises(ConfigError, match=r"a: |twice"):
        table(tmp_path, f"  a: {entry}\n")
