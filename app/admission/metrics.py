"""Counters of the corridor, for Prometheus."""

from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from app.core.call import Call
from app.core.passage import Passage
from app.core.verdict import Decision

M = TypeVar("M", Counter, Histogram)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class CallMetrics:
    """Decisions, outcomes, durations, tokens and money; labels have few values, never names of people."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions = Counter(
            "sallyport_decisions",
            "Decisions of the corridor",
            ["door", "action", "effect"],
            registry=registry,
        )
        self._outcomes = Counter(
            "sallyport_outcomes", "Outcomes of admitted calls", ["action", "status"], registry=registry
        )
        self._seconds = Histogram(
            "sallyport_call_seconds", "Admission to outcome", ["action"], registry=registry, buckets=_SECONDS
        )
        self._tokens = Counter("sallyport_tokens", "Tokens of AI requests", ["direction"], registry=registry)
        self._money = Counter("sallyport_microdollars", "Cost of AI requests", registry=registry)
        self._children: dict[tuple[str, ...], Any] = {}

    def decided(self, call: Call, decision: Decision) -> None:
        """Count a decision."""
        self._child(self._decisions, call.door, call.action, decision.effect).inc()

    def finished(self, passage: Passage, seconds: float) -> None:
        """Count an outcome with what it used."""
        self._child(self._outcomes, passage.call.action, passage.status).inc()
        self._child(self._seconds, passage.call.action).observe(seconds)
        if passage.usage.total:
            self._child(self._tokens, "input").inc(passage.usage.total - passage.usage.output)
            self._child(self._tokens, "output").inc(passage.usage.output)
        if passage.microdollars:
            self._money.inc(passage.microdollars)

    def _child(self, metric: M, *labels: str) -> M:
        key = (metric._name, *labels)  # noqa: SLF001 - the only name a metric has
        child: Any = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child
