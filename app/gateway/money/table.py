"""The versioned price table: entries by name, each with its periods, and how two tables differ."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import msgspec

from app.gateway.money.prices import Price

_DATED = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)$")


class PriceTable(msgspec.Struct, frozen=True, kw_only=True):
    """Prices by name, with the version that stands in the record."""

    version: str
    prices: dict[str, tuple[Price, ...]]

    def entry(self, name: str) -> str | None:
        """The entry that a model is found under: its name, or that without a date at the end."""
        return next((one for one in (name, _DATED.sub("", name)) if one in self.prices), None)

    def find(self, name: str, day: date) -> Price | None:
        """The price of a model on a day; None when there is no entry, or none that is valid then."""
        entry = self.entry(name)
        return next((price for price in self.prices.get(entry or "", ()) if price.holds(day)), None)

    def ends(self, name: str, day: date) -> date | None:
        """The first day from this one on without a price; None when there is always one."""
        while (price := self.find(name, day)) is not None:
            if price.until is None:
                return None
            day = price.until
        return day


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What another table says of a period of an entry; empty where it says nothing."""

    entry: str
    since: str
    before: dict[str, Any]
    after: dict[str, Any]


def changes(before: PriceTable, after: PriceTable) -> list[Change]:
    """Every period that is new, gone or priced otherwise, by entry."""
    found = []
    for entry in sorted({*before.prices, *after.prices}):
        old, new = _periods(before.prices.get(entry, ())), _periods(after.prices.get(entry, ()))
        found += [
            Change(entry=entry, since=since, before=old.get(since, {}), after=new.get(since, {}))
            for since in sorted({*old, *new})
            if old.get(since) != new.get(since)
        ]
    return found


def told(price: Price) -> dict[str, Any]:
    """A price as people and scripts read it: microdollars per million."""
    shown: dict[str, Any] = dict(price.rates.told())
    for tier in price.long:
        shown[f"above {tier.above}"] = tier.rates.told()
    for name, rates in price.services.items():
        shown[name] = rates.told()
    if price.rates.gpu_second:
        shown |= {"gpus": price.gpus, "reserve_seconds": price.reserve_seconds}
    if price.until is not None:
        shown["until"] = price.until.isoformat()
    return shown


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A model without a price: now, or from `ends` on."""

    model: str
    entry: str
    ends: date | None
    """None: there is no entry at all."""


def gaps(table: PriceTable, models: Iterable[tuple[str, str]], day: date, *, within: int = 3650) -> list[Gap]:
    """Models with their price's name that have no price on a day, or will have none within so many days."""
    found = []
    for model, name in models:
        entry = table.entry(name)
        if entry is None:
            found.append(Gap(model=model, entry=name, ends=None))
            continue
        ends = table.ends(name, day)
        if ends is not None and ends <= day + timedelta(days=within):
            found.append(Gap(model=model, entry=entry, ends=ends))
    return found


def _periods(prices: Iterable[Price]) -> dict[str, dict[str, Any]]:
    return {price.since.isoformat() if price.since else "": told(price) for price in prices}
