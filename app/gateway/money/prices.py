"""The versioned price table and the cost of a call in integer microdollars, rounded up."""

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
import yaml

from app.core.errors import ConfigError
from app.core.usage import Usage

_DATED = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d)$")
_MILLION = 1_000_000


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Microdollars per million tokens. Reasoning tokens are output; cached input has prices of its own."""

    input: int
    output: int
    cache_read: int
    cache_write: int

    def cost(self, usage: Usage) -> int:
        """Microdollars of a call, rounded up once."""
        parts = usage.input * self.input + usage.output * self.output
        parts += usage.cache_read * self.cache_read + usage.cache_write * self.cache_write
        return -(-parts // _MILLION)

    def ceiling(self, *, body_bytes: int, output_tokens: int) -> int:
        """An upper estimate before the call: three bytes a token at the dearest input price."""
        dearest = max(self.input, self.cache_write)
        return -(-((body_bytes // 3 + 1) * dearest + output_tokens * self.output) // _MILLION)


class PriceTable(msgspec.Struct, frozen=True, kw_only=True):
    """Prices by name, with the version that stands in the record."""

    version: str
    prices: dict[str, Price]

    def find(self, name: str) -> Price | None:
        """The price of a model, also under its name with a date at the end."""
        return self.prices.get(name) or self.prices.get(_DATED.sub("", name))


def read_prices(path: Path) -> PriceTable:
    """The table of a YAML file in US dollars per million tokens; ConfigError names the entry that is wrong."""
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        entries: dict[str, dict[str, Any]] = tree["prices"]
        prices = {name: _price(entry) for name, entry in entries.items()}
        return PriceTable(version=str(tree["version"]), prices=prices)
    except (
        OSError,
        yaml.YAMLError,
        KeyError,
        TypeError,
        AttributeError,
        InvalidOperation,
        ValueError,
    ) as error:
        raise ConfigError(
            f"The price table {path} cannot be used ({type(error).__name__}: {error}).",
            remedy="Each entry has input and output, and may have cache_read and cache_write, as dollars.",
        ) from None


def _price(entry: dict[str, Any]) -> Price:
    unknown = entry.keys() - {"input", "output", "cache_read", "cache_write"}
    if unknown:
        raise ValueError(f"unknown member {min(unknown)}")
    dollars = {key: Decimal(str(value)) for key, value in entry.items()}
    if any(value < 0 or not value.is_finite() for value in dollars.values()):
        raise ValueError("a price must not be negative")
    rates = {
        key: int((value * _MILLION).to_integral_value(rounding="ROUND_CEILING"))
        for key, value in dollars.items()
    }
    rates.setdefault("cache_read", rates["input"])
    rates.setdefault("cache_write", rates["input"])
    return Price(**rates)
