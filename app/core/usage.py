"""What a call used: tokens normalised over dialects, money in integer microdollars."""

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts of one call. `input` excludes cached tokens; `estimated` says that nobody reported them."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False

    @property
    def total(self) -> int:
        """All tokens that were processed; reasoning is part of output."""
        return self.input + self.output + self.cache_read + self.cache_write


NOTHING = Usage()
