"""What the record keeps of a call's attempts: whom it came to, whom it passed over and why."""

from typing import Any

from app.core.passage import Passage
from app.gateway.book import Target
from app.gateway.routing import Plan

MOST = 64
LONGEST = 200


class Trail:
    """Written into the outcome's details when there is more to say than the intent has said."""

    __slots__ = ("_attempts", "_last", "_passage", "_told")

    def __init__(self, passage: Passage, plan: Plan, *, told: bool) -> None:
        """`told`: the intent names the only target there is."""
        self._passage = passage
        self._attempts: list[dict[str, Any]] = []
        self._last: Target | None = None
        self._told = told and not plan.demanded
        passage.details = None if self._told else _opening(plan, passage.call.resource.name)

    def passed(self, target: Target, why: str) -> None:
        """This one was not tried."""
        self._add(target, {"passed_over": why[:LONGEST]})

    def tried(self, target: Target, how: str, *, seconds: float) -> None:
        """This one was, and it ended so."""
        self._add(target, {"ended": how, "ms": int(seconds * 1000)})

    def came_to(self, target: Target) -> None:
        """The call is sent there now."""
        self._last = target
        if not self._told:
            self._write()

    def _add(self, target: Target, what: dict[str, Any]) -> None:
        self._told = False
        if len(self._attempts) < MOST:
            place = {"provider": target.provider, "upstream_model": target.upstream_model}
            self._attempts.append(place | what)
        self._write()

    def _write(self) -> None:
        details = dict(self._passage.details or {})
        if self._last is not None:
            details |= {
                "provider": self._last.provider,
                "upstream_model": self._last.upstream_model,
                "prices": self._last.price_version,
            }
        if self._attempts:
            details["attempts"] = list(self._attempts)
        self._passage.details = details


def _opening(plan: Plan, asked: str) -> dict[str, Any]:
    details: dict[str, Any] = {"model": plan.model} if plan.model != asked else {}
    if plan.demanded:
        details["labels"] = sorted(plan.demanded)
    return details
