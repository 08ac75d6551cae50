"""The price table and its arithmetic."""

from pathlib import Path

import pytest

from app.core.errors import ConfigError
from app.core.paths import resources
from app.core.usage import Usage
from app.gateway.money import Price, read_prices

PRICE = Price(input=3_000_000, output=15_000_000, cache_read=300_000, cache_write=3_750_000)


def test_cost_is_integer_microdollars_rounded_up_once():
    assert PRICE.cost(Usage(input=1, output=1)) == 18
    assert PRICE.cost(Usage(cache_read=1)) == 1
    assert PRICE.cost(Usage(cache_read=10, cache_write=4)) == 18
    assert PRICE.cost(Usage()) == 0
    assert PRICE.cost(Usage(input=10**9, output=10**9)) == 18 * 10**9


def test_the_ceiling_is_never_below_the_cost():
    body = b"x" * 3000
    spent = PRICE.cost(Usage(input=10, cache_write=990, output=500))
    assert PRICE.ceiling(body_bytes=len(body), output_tokens=500) >= spent


def test_the_shipped_table_is_read_and_dated_names_find_their_price():
    table = read_prices(resources() / "assets" / "prices.yaml")
    assert table.version
    assert table.find("claude-sonnet-4-5-20250929") == table.find("claude-sonnet-4-5") == PRICE
    assert table.find("gpt-4o-mini-2024-07-18").input == 150_000
    assert table.find("local").cost(Usage(input=10**6)) == 0
    assert table.find("some-new-model") is None
    assert table.find("gpt-4o-mini-20") is None


@pytest.mark.parametrize(
    "entry",
    [
        "{input: -1, output: 1}",
        "{input: 1}",
        "{input: x, output: 1}",
        "{input: 1, output: 1, extra: 1}",
        "[]",
        "{input: .nan, output: 1}",
    ],
)
def test_a_wrong_table_is_a_config_error(tmp_path: Path, entry: str):
    path = tmp_path / "prices.yaml"
    path.write_text(f"version: 1\nprices:\n  a: {entry}\n")
    with pytest.raises(ConfigError):
        read_prices(path)
