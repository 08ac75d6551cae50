"""A circuit breaker: closed, open after failures, half open when one call may try."""

from typing import Literal

import msgspec

State = Literal["closed", "open", "half-open"]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """`failures` within `window` seconds, and at least half of the calls in it, open it for `pause` seconds."""

    failures: int = 5
    window: float = 30.0
    pause: float = 15.0


class Breaker:
    """Times are seconds of a clock that only goes forward."""

    __slots__ = ("_began", "_failed", "_rules", "_since", "_trial", "_well", "state")

    def __init__(self, rules: Rules) -> None:
        self.state: State = "closed"
        self._rules = rules
        self._began = 0.0
        self._failed = self._well = 0
        self._since = 0.0
        self._trial = 0.0

    def opens_in(self, now: float) -> float:
        """Seconds until a call may try again; 0 when one may now."""
        if self.state == "closed":
            return 0.0
        since = self._since if self.state == "open" else self._trial
        return max(0.0, since + self._rules.pause - now)

    def enter(self, now: float) -> bool:
        """Whether a call may go; when it is the one that tries, the others wait until it has ended."""
        if self.state == "closed":
            return True
        if self.opens_in(now) > 0:
            return False
        # A trial whose end nobody told is forgotten after another pause.
        self.state, self._trial = "half-open", now
        return True

    def succeeded(self, now: float) -> None:
        """A call went well."""
        if self.state != "closed":
            self.state = "closed"
            self._began, self._failed, self._well = now, 0, 0
        else:
            if now - self._began > self._rules.window:
                self._began, self._failed, self._well = now, 0, 0
            self._well += 1

    def failed(self, now: float) -> None:
        """A call failed, and the provider is to blame."""
        if now - self._began > self._rules.window:
            self._began, self._failed, self._well = now, 0, 0
        self._failed += 1
        if self.state == "half-open" or (
            self.state == "closed" and self._failed >= self._rules.failures and self._failed >= self._well
        ):
            self.state, self._since = "open", now
            self._failed = self._well = 0

    def abandoned(self, now: float) -> None:
        """A call ended without saying anything about the place; if it was the one that tried, another may."""
        if self.state == "half-open":
            self.state, self._since = "open", now - self._rules.pause
