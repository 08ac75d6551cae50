"""A limit on what comes from a program unasked."""

import msgspec


class Rate(msgspec.Struct):
    """A bucket of `burst` that refills by `each_second`; for output that is of no use to anybody."""

    each_second: float
    burst: float
    level: float = 0.0
    at: float = 0.0

    def take(self, amount: float, *, now: float) -> bool:
        """Whether this much more is still within the rate."""
        self.level = max(0.0, self.level - (now - self.at) * self.each_second) + amount
        self.at = now
        return self.level <= self.burst
