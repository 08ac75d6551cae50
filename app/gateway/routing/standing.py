"""How a place is at this moment: its circuit, what its provider said about limits, and what happened last."""

from collections.abc import Callable

from app.gateway.routing.breaker import Breaker, Rules, State

LONGEST_NOTE = 200


class Standing:
    """Of one model at one provider. `changed` hears of each change of state, with the one before."""

    __slots__ = (
        "_changed",
        "_limited",
        "breaker",
        "calls",
        "failures",
        "last",
        "model",
        "provider",
        "running",
    )  # fmt: skip

    def __init__(
        self,
        *,
        provider: str,
        model: str,
        rules: Rules,
        changed: "Callable[[Standing, State], None] | None" = None,
    ) -> None:
        self.provider = provider
        self.model = model
        self.breaker = Breaker(rules)
        self.calls = self.failures = self.running = 0
        self.last = ""
        """The last failure in words."""
        self._limited = 0.0
        self._changed = changed

    @property
    def state(self) -> State:
        """Of its circuit."""
        return self.breaker.state

    def away_for(self, now: float) -> tuple[float, str]:
        """Seconds for which it is better left alone, and why; 0 when it may be called."""
        limited, opens = self._limited - now, self.breaker.opens_in(now)
        if limited > opens:
            return limited, "its provider said that nothing is left for now"
        return (opens, "its circuit is open") if opens > 0 else (0.0, "")

    def enter(self, now: float) -> bool:
        """Begin a call, if the circuit lets it."""
        before = self.breaker.state
        entered = self.breaker.enter(now)
        if entered:
            self.running += 1
            self.calls += 1
        self._tell(before)
        return entered

    def limit(self, until: float) -> None:
        """Nothing is left there until then."""
        self._limited = max(self._limited, until)

    def well(self, now: float) -> None:
        """A call that was entered went well."""
        before = self.breaker.state
        self.running -= 1
        self.breaker.succeeded(now)
        self._tell(before)

    def ill(self, now: float, why: str) -> None:
        """A call that was entered failed by the provider's fault."""
        before = self.breaker.state
        self.running -= 1
        self.failures += 1
        self.last = why[:LONGEST_NOTE]
        self.breaker.failed(now)
        self._tell(before)

    def left(self, now: float) -> None:
        """A call that was entered ended without telling anything about the place."""
        before = self.breaker.state
        self.running -= 1
        self.breaker.abandoned(now)
        self._tell(before)

    def _tell(self, before: State) -> None:
        if before != self.breaker.state and self._changed is not None:
            self._changed(self, before)
