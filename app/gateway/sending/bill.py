"""What a call used over all of its attempts: each is counted once, at its own target's price."""

from typing import Any

import msgspec

from app.core.passage import Passage
from app.core.usage import NOTHING, Usage
from app.gateway.money import Cost


class Bill:
    """`spend` replaces what the attempt under way was thought to use; `close` keeps it, and the next one is added."""

    __slots__ = ("_before", "_earlier", "_money", "_now", "_passage")

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._before: Usage = NOTHING
        self._money = 0
        self._now: tuple[Usage, Cost] | None = None
        self._earlier: list[dict[str, Any]] = []

    @property
    def open(self) -> bool:
        """Whether the attempt under way has used nothing yet, as far as is known."""
        return self._passage.usage == self._before

    def spend(self, usage: Usage, cost: Cost) -> None:
        """Note what this attempt used, so far."""
        self._now = (usage, cost)
        microdollars, price = cost.microdollars, cost.price
        if self._before is not NOTHING:
            usage, microdollars = _sum(self._before, usage), self._money + microdollars
            price = price | {"earlier": list(self._earlier)}
        self._passage.note(usage=usage, microdollars=microdollars, price=price)

    def close(self) -> None:
        """The attempt has failed; what is noted stays, and by which price."""
        if self._now is not None:
            usage, cost = self._now
            self._earlier.append(
                {
                    "microdollars": cost.microdollars,
                    "usage": msgspec.structs.asdict(usage),
                    "price": cost.price,
                }
            )
            self._now = None
        self._before, self._money = self._passage.usage, self._passage.microdollars


def _sum(one: Usage, other: Usage) -> Usage:
    counts = {
        name: getattr(one, name) + getattr(other, name)
        for name in Usage.__struct_fields__
        if name not in ("estimated", "service")
    }
    return msgspec.structs.replace(other, **counts, estimated=one.estimated or other.estimated)
