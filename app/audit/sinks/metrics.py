"""Forwarding for Prometheus; only the node that leads a sink knows its lag."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class SinkMetrics:
    """One label: the sink's name in the profile."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._delivered = Counter(
            "sallyport_sink_rows", "Rows that a sink acknowledged", ["sink"], registry=registry
        )
        self._failures = Counter("sallyport_sink_failures", "Failed deliveries", ["sink"], registry=registry)
        self._refused = Counter(
            "sallyport_sink_refused_rows", "Rows that a sink would not take", ["sink"], registry=registry
        )
        self._rows = Gauge(
            "sallyport_sink_lag_rows", "Rows that a sink has not got", ["sink"], registry=registry
        )
        self._seconds = Gauge(
            "sallyport_sink_lag_seconds", "Age of the oldest of them", ["sink"], registry=registry
        )
        self._leads = Gauge(
            "sallyport_sink_leads", "Whether this node forwards to the sink", ["sink"], registry=registry
        )

    def leads(self, sink: str, *, leading: bool) -> None:
        """Whether this node forwards."""
        self._leads.labels(sink).set(int(leading))
        if not leading:
            for gauge in (self._rows, self._seconds):
                if (sink,) in gauge._metrics:  # noqa: SLF001 - `remove` raises for a label never set
                    gauge.remove(sink)

    def delivered(self, sink: str, rows: int) -> None:
        """Count acknowledged rows."""
        self._delivered.labels(sink).inc(rows)

    def failed(self, sink: str) -> None:
        """Count a failure."""
        self._failures.labels(sink).inc()

    def refused(self, sink: str) -> None:
        """Count a row passed over."""
        self._refused.labels(sink).inc()

    def lags(self, sink: str, *, rows: int, seconds: float) -> None:
        """What the sink has not got."""
        self._rows.labels(sink).set(rows)
        self._seconds.labels(sink).set(seconds)
