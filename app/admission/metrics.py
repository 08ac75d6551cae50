"""Counters of the corridor, for Prometheus: plain numbers that become metrics when somebody asks for them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.core.call import Call
from app.core.passage import Passage
from app.core.verdict import Decision

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_BOUNDS = (*(str(bound) for bound in _SECONDS), "+Inf")


class CallMetrics(Collector):
    """Decisions, outcomes, durations, tokens and money; labels have few values, never names of people.

    Every call pays for counting and few ask, so that counting is an addition in one thread.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions: Counter[tuple[str, str, str]] = Counter()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._durations: dict[str, _Durations] = {}
        self._tokens = {"input": 0, "output": 0}
        self._microdollars = 0
        registry.register(self)

    def decided(self, call: Call, decision: Decision) -> None:
        """Count a decision."""
        self._decisions[call.door, call.action, decision.effect] += 1

    def finished(self, passage: Passage, seconds: float) -> None:
        """Count an outcome with what it used."""
        action = passage.call.action
        self._outcomes[action, passage.status] += 1
        durations = self._durations.get(action)
        if durations is None:
            durations = self._durations[action] = _Durations()
        durations.buckets[bisect_left(_SECONDS, seconds)] += 1
        durations.sum += seconds
        total = passage.usage.total
        if total:
            output = passage.usage.output
            self._tokens["input"] += total - output
            self._tokens["output"] += output
        self._microdollars += passage.microdollars

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment."""
        decisions = CounterMetricFamily(
            "sallyport_decisions", "Decisions of the corridor", labels=["door", "action", "effect"]
        )
        for labels, count in self._decisions.items():
            decisions.add_metric(labels, count)
        outcomes = CounterMetricFamily(
            "sallyport_outcomes", "Outcomes of admitted calls", labels=["action", "status"]
        )
        for labels, count in self._outcomes.items():
            outcomes.add_metric(labels, count)
        tokens = CounterMetricFamily("sallyport_tokens", "Tokens of AI requests", labels=["direction"])
        for direction, count in self._tokens.items():
            tokens.add_metric([direction], count)
        yield decisions
        yield outcomes
        yield self._seconds()
        yield tokens
        yield CounterMetricFamily("sallyport_microdollars", "Cost of AI requests", value=self._microdollars)

    def _seconds(self) -> Metric:
        family = HistogramMetricFamily("sallyport_call_seconds", "Admission to outcome", labels=["action"])
        for action, durations in self._durations.items():
            buckets: list[tuple[str, float]] = []
            up_to = 0
            for bound, count in zip(_BOUNDS, durations.buckets, strict=True):
                up_to += count
                buckets.append((bound, up_to))
            family.add_metric([action], buckets, durations.sum)
        return family


class _Durations:
    """How many calls took how long."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.sum = 0.0
