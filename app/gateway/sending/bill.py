"""What a call used over all of its attempts: each is counted once, at its own target's price."""

import msgspec

from app.core.passage import Passage
from app.core.usage import NOTHING, Usage


class Bill:
    """`spend` replaces what the attempt under way was thought to use; `close` keeps it, and the next one is added."""

    __slots__ = ("_before", "_money", "_passage")

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._before: Usage = NOTHING
        self._money = 0

    @property
    def open(self) -> bool:
        """Whether the attempt under way has used nothing yet, as far as is known."""
        return self._passage.usage == self._before

    def spend(self, usage: Usage, microdollars: int) -> None:
        """Note what this attempt used, so far."""
        if self._before is not NOTHING:
            usage, microdollars = _sum(self._before, usage), self._money + microdollars
        self._passage.note(usage=usage, microdollars=microdollars)

    def close(self) -> None:
        """The attempt has failed; what is noted stays."""
        self._before, self._money = self._passage.usage, self._passage.microdollars


def _sum(one: Usage, other: Usage) -> Usage:
    counts = {
        name: getattr(one, name) + getattr(other, name)
        for name in Usage.__struct_fields__
        if name != "estimated"
    }
    return msgspec.structs.replace(other, **counts, estimated=one.estimated or other.estimated)
