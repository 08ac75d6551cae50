"""What a call used: tokens normalised over dialects, money in integer microdollars."""

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts of one call. `input` excludes cached tokens; `estimated` says that nobody reported them.

    `reasoning` is part of `output`, `cache_write_long` (kept for an hour) of `cache_write`. `images` were generated.
    `service` is the provider's service tier, where the answer names another than the standard one.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_long: int = 0
    reasoning: int = 0
    images: int = 0
    service: str = ""
    estimated: bool = False

    @property
    def total(self) -> int:
        """All tokens that were processed."""
        return self.input + self.output + self.cache_read + self.cache_write

    def bounded(self) -> "Usage":
        """The same where a provider counts what can be; what is part of another count is not more than that."""
        counts = {name: min(max(0, getattr(self, name)), _MOST) for name in _COUNTS}
        counts["reasoning"] = min(counts["reasoning"], counts["output"])
        counts["cache_write_long"] = min(counts["cache_write_long"], counts["cache_write"])
        return msgspec.structs.replace(self, **counts, service=self.service[:32])


_COUNTS = ("input", "output", "cache_read", "cache_write", "cache_write_long", "reasoning", "images")
_MOST = 10**12
"""Beyond any answer, and far from the edge of bigint whatever the price."""
NOTHING = Usage()


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What counts under budgets."""

    microdollars: int = 0
    tokens: int = 0
    requests: int = 0

    def of(self, unit: str) -> int:
        """The amount in a budget's unit."""
        match unit:
            case "microdollars":
                return self.microdollars
            case "tokens":
                return self.tokens
            case _:
                return self.requests


class Reserve(msgspec.Struct, frozen=True, kw_only=True):
    """What a call may come to at most, and further names of the model under which budgets may mean it."""

    amounts: Amounts
    models: tuple[str, ...] = ()
