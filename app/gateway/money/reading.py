"""Price tables as YAML files, in US dollars; every mistake is named, none is guessed around."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from app.core.errors import ConfigError
from app.gateway.money.prices import Long, Price, Rates
from app.gateway.money.table import PriceTable

_MILLION = 1_000_000
LIMIT = 8 * 1024 * 1024
_TOKENS = ("input", "output", "cache_read", "cache_write", "cache_write_long", "reasoning")
"""Dollars per million tokens."""
_EACH = ("image", "request", "gpu_second")
"""Dollars for one."""
_PERIOD = frozenset((*_TOKENS, *_EACH, "long", "services", "gpus", "reserve_seconds", "from", "until"))
_DEAREST = Decimal(1_000_000)


def read_prices(path: Path) -> PriceTable:
    """The table of a file; ConfigError names the entry that is wrong."""
    try:
        if path.stat().st_size > LIMIT:
            raise ValueError("it is too large")
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
        return _table(tree)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"The price table {path} cannot be used ({type(error).__name__}: {error}).",
            remedy="See `sallyport help administrators/money`; `sallyport prices check FILE` tries a table.",
        ) from None


class _Loader(yaml.CSafeLoader):
    """Refuses a key that stands twice: the later one would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping of plain keys, each once."""
        made = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            raise ValueError(f"a key stands twice near line {node.start_mark.line + 1}")
        return made


def _table(tree: Mapping[str, Any]) -> PriceTable:
    if unknown := tree.keys() - {"version", "prices"}:
        raise ValueError(f"unknown member {min(unknown)}")
    version = str(tree["version"])
    if not 0 < len(version) <= 64 or not version.isprintable():
        raise ValueError("a version is one line of at most 64 characters")
    entries: dict[str, Any] = tree["prices"]
    return PriceTable(
        version=version,
        prices={str(name): _entry(version, str(name), given) for name, given in entries.items()},
    )


def _entry(version: str, name: str, given: Any) -> tuple[Price, ...]:
    try:
        periods = [_price(version, name, one) for one in (given if isinstance(given, list) else [given])]
        if not periods:
            raise ValueError("it has no period")
        periods.sort(key=lambda price: price.since or date.min)
        for one, following in pairwise(periods):
            if one.until is None or following.since is None or one.until > following.since:
                raise ValueError("its periods overlap: each needs `until`, the day on which the next begins")
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
        raise ValueError(f"{name}: {error}") from None
    return tuple(periods)


def _price(version: str, name: str, given: Mapping[str, Any]) -> Price:
    if unknown := given.keys() - _PERIOD:
        raise ValueError(f"unknown member {min(map(str, unknown))}")
    since, until = _day(given.get("from")), _day(given.get("until"))
    if since is not None and until is not None and since >= until:
        raise ValueError("a period ends after it began")
    long = tuple(
        Long(above=_whole(tier["above"], "above"), rates=_tier(given, tier, but="above"))
        for tier in given.get("long", ())
    )
    return Price(
        table=version,
        entry=name,
        rates=_rates(given),
        long=long,
        services={str(key): _tier(given, tier) for key, tier in given.get("services", {}).items()},
        gpus=_whole(given.get("gpus", 1), "gpus"),
        reserve_seconds=_whole(given.get("reserve_seconds", 60), "reserve_seconds"),
        since=since,
        until=until,
    )


def _tier(base: Mapping[str, Any], tier: Mapping[str, Any], *, but: str = "") -> Rates:
    """Rates that replace the entry's own: it names those that the entry names, so that none is forgotten."""
    named = tier.keys() - {but}
    if unknown := named - {*_TOKENS, *_EACH}:
        raise ValueError(f"unknown member {min(map(str, unknown))} of a tier")
    if missing := (base.keys() & set(_TOKENS)) - named:
        raise ValueError(f"a tier lacks {min(missing)}")
    return _rates({**{key: base[key] for key in _EACH if key in base}, **{key: tier[key] for key in named}})


def _rates(given: Mapping[str, Any]) -> Rates:
    """Cached input costs what other input does, and reasoning what other output does, unless they have rates."""
    by_time = "gpu_second" in given
    rates = {key: _rate(given[key], _MILLION) for key in _TOKENS if key in given}
    if not by_time and not {"input", "output"} <= rates.keys():
        raise ValueError("it has no input and output")
    rates.setdefault("input", 0)
    rates.setdefault("output", 0)
    rates.setdefault("cache_read", rates["input"])
    rates.setdefault("cache_write", rates["input"])
    rates.setdefault("cache_write_long", rates["cache_write"])
    rates.setdefault("reasoning", rates["output"])
    return Rates(**rates, **{key: _rate(given[key], _MILLION**2) for key in _EACH if key in given})


def _rate(value: Any, times: int) -> int:
    """Microdollars per million, rounded up where dollars were finer."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not an amount")
    dollars = Decimal(str(value))
    if not dollars.is_finite() or not 0 <= dollars <= _DEAREST:
        raise ValueError(f"{value} is not an amount from 0 to a million dollars")
    return int((dollars * times).to_integral_value(rounding="ROUND_CEILING"))


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 10**9:
        raise ValueError(f"{what} is a whole number from 1")
    return value


def _day(value: Any) -> date | None:
    """A UTC day; a time of day would suggest more than is meant."""
    if value is None:
        return None
    if isinstance(value, datetime) or not isinstance(value, date | str):
        raise ValueError(f"{value} is not a day such as 2026-01-31")
    return value if isinstance(value, date) else date.fromisoformat(value)


def today(now: datetime) -> date:
    """The day by which prices hold, the same everywhere."""
    return now.astimezone(UTC).date()
