"""The places of models in the metrics."""

from collections.abc import Iterable

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.core.clock import Clock
from app.gateway.models import Models

_STATES = ("closed", "half-open", "open")


class ModelMetrics(Collector):
    """Read when they are scraped."""

    def __init__(self, models: Models, *, clock: Clock) -> None:
        self._models = models
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """Lines for each place, and for each provider those that wait."""
        labels = ["provider", "model"]
        state = GaugeMetricFamily(
            "sallyport_model_circuit", "1 for the state of the circuit", labels=[*labels, "state"]
        )
        calls = CounterMetricFamily("sallyport_model_attempts", "calls sent there", labels=labels)
        failures = CounterMetricFamily(
            "sallyport_model_failures", "of these, failures of the provider", labels=labels
        )
        running = GaugeMetricFamily("sallyport_model_running", "calls under way there", labels=labels)
        away = GaugeMetricFamily(
            "sallyport_model_away_seconds", "seconds for which it is left alone", labels=labels
        )
        waiting = GaugeMetricFamily(
            "sallyport_provider_waiting", "calls that wait for a turn", labels=["provider"]
        )
        now, book = self._clock.monotonic(), self._models.book
        for place, standing in book.standings.items():
            for one in _STATES:
                state.add_metric([*place, one], float(standing.state == one))
            calls.add_metric(place, standing.calls)
            failures.add_metric(place, standing.failures)
            running.add_metric(place, standing.running)
            away.add_metric(place, standing.away_for(now)[0])
        for provider, turns in book.turns.items():
            waiting.add_metric([provider], turns.waiting)
        return [state, calls, failures, running, away, waiting]
