"""The tool servers in the metrics."""

from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.mcp.upstream.ports import Status


class ServerMetrics(Collector):
    """Read when they are scraped."""

    def __init__(self, states: Callable[[], dict[str, Status]]) -> None:
        self._states = states

    def collect(self) -> Iterable[Metric]:
        """A line for each server, and one for each of its numbers."""
        labels = ["server"]
        state = GaugeMetricFamily(
            "sallyport_mcp_server_state", "1 for the state it is in", labels=["server", "state"]
        )
        starts = GaugeMetricFamily("sallyport_mcp_server_starts", "starts of the program", labels=labels)
        memory = GaugeMetricFamily(
            "sallyport_mcp_server_memory_bytes", "resident, of all its processes", labels=labels
        )
        cpu = GaugeMetricFamily(
            "sallyport_mcp_server_cpu_seconds", "of the processes that live", labels=labels
        )
        count = GaugeMetricFamily("sallyport_mcp_server_processes", "processes", labels=labels)
        for name, status in self._states().items():
            state.add_metric([name, status.state], 1)
            starts.add_metric([name], status.starts)
            memory.add_metric([name], status.memory_bytes)
            cpu.add_metric([name], status.cpu_seconds)
            count.add_metric([name], status.processes)
        return [state, starts, memory, cpu, count]
