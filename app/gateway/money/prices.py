"""What a model costs: rates, the tiers that replace them, and the cost of a call in microdollars, rounded up once."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from app.core.usage import Usage

_MILLION = 1_000_000
STANDARD = "standard"


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Microdollars per million tokens, images, requests or seconds of a GPU."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_long: int = 0
    reasoning: int = 0
    image: int = 0
    request: int = 0
    gpu_second: int = 0

    def sum(self, usage: Usage, *, gpu_us: int) -> int:
        """Microdollars, rounded up."""
        short = usage.cache_write - usage.cache_write_long
        parts = usage.input * self.input + usage.cache_read * self.cache_read
        parts += (usage.output - usage.reasoning) * self.output + usage.reasoning * self.reasoning
        parts += short * self.cache_write + usage.cache_write_long * self.cache_write_long
        parts += usage.images * self.image + self.request
        return max(0, -(-(parts * _MILLION + gpu_us * self.gpu_second) // (_MILLION * _MILLION)))

    def told(self) -> dict[str, int]:
        """Those that are not nothing."""
        return {name: rate for name, rate in msgspec.structs.asdict(self).items() if rate}


class Long(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of the whole call when its input is longer."""

    above: int
    rates: Rates


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a call, and how anybody can compute it again: stands in the record."""

    microdollars: int
    price: dict[str, Any]


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a table in one of its periods. `since` and `until` are UTC days, the last one excluded.

    A price by GPU-second counts `gpus` for the seconds that the provider took; `reserve_seconds` are held back.
    """

    table: str
    entry: str
    rates: Rates
    long: tuple[Long, ...] = ()
    services: Mapping[str, Rates] = {}
    gpus: int = 1
    reserve_seconds: int = 60
    since: date | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """Whether this is the period of that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    def cost(self, usage: Usage, *, seconds: float = 0.0) -> int:
        """Microdollars of a call that took the provider so long."""
        return self.bill(usage, seconds=seconds).microdollars

    def bill(self, usage: Usage, *, seconds: float = 0.0) -> Cost:
        """The same with all that it follows from."""
        tier, rates = self._rates(usage.input + usage.cache_read + usage.cache_write, usage.service)
        gpu_us = int(seconds * _MILLION) * self.gpus if rates.gpu_second else 0
        price: dict[str, Any] = {
            "table": self.table,
            "entry": self.entry,
            "tier": tier,
            "rates": rates.told(),
        }
        if self.since is not None:
            price["since"] = self.since.isoformat()
        counted = {
            "cache_write_long": usage.cache_write_long,
            "images": usage.images,
            "gpu_us": gpu_us,
            "service": usage.service,
        }
        price |= {name: value for name, value in counted.items() if value}
        return Cost(microdollars=rates.sum(usage, gpu_us=gpu_us), price=price)

    def ceiling(self, *, body_bytes: int, output_tokens: int, service: str = "") -> int:
        """An upper estimate before the call: three bytes a token, all of it at the dearest rates."""
        tokens = body_bytes // 3 + 1
        _, rates = self._rates(tokens, service)
        dearest = max(rates.input, rates.cache_read, rates.cache_write, rates.cache_write_long)
        most = msgspec.structs.replace(rates, input=dearest, output=max(rates.output, rates.reasoning))
        gpu_us = self.reserve_seconds * _MILLION * self.gpus if rates.gpu_second else 0
        return most.sum(Usage(input=tokens, output=output_tokens), gpu_us=gpu_us)

    def _rates(self, tokens: int, service: str) -> tuple[str, Rates]:
        """The service tier's own, else those for so much input."""
        if service in self.services:
            return service, self.services[service]
        fitting = [tier for tier in self.long if tokens > tier.above]
        if fitting:
            longest = max(fitting, key=lambda tier: tier.above)
            return f"above {longest.above}", longest.rates
        return STANDARD, self.rates
