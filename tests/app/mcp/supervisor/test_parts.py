"""The supervisor's small parts: logs that stay small, places that run out, a bus that nobody can block."""

from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.mcp.supervisor import Bus, Capacity, Lifecycle, LogFile, log_path
from app.mcp.upstream.rate import Rate
from app.secrets import Redactor


def test_log_keeps_one_older_file_and_the_last_lines(tmp_path: Path) -> None:
    path = log_path(tmp_path, "sim")
    log = LogFile(path, clock=SystemClock(), redactor=Redactor(), limit=1000)
    for number in range(100):
        log.write(f"line {number} {'x' * 40}\n".encode())
    log.close()
    assert log.last[-1].startswith("line 99")
    files = sorted(file.name for file in path.parent.iterdir())
    assert files == ["sim.log", "sim.log.1"]
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 2200
    assert path.parent.stat().st_mode & 0o077 == 0


def test_log_that_cannot_be_written_costs_only_its_lines(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = LogFile(log_path(tmp_path, "sim"), clock=SystemClock(), redactor=Redactor())
    log.write(b"said\n")
    assert list(log.last) == ["said"]


def test_places_and_memory_run_out_with_a_reason_and_come_back() -> None:
    capacity = Capacity(programs=2, memory_mb=10)
    assert (capacity.take("a"), capacity.take("b")) == ("", "")
    assert "2 programs" in capacity.take("c")
    capacity.give_back("b")
    assert capacity.weigh("a", 11 * 1024**2)
    assert "memory_mb" in capacity.take("c")
    capacity.give_back("a")
    assert capacity.take("c") == ""


def test_rate_allows_a_burst_and_refills() -> None:
    rate = Rate(each_second=10, burst=20)
    assert all(rate.take(1, now=0.0) for _ in range(20))
    assert not rate.take(1, now=0.0)
    assert rate.take(1, now=1.0)


def test_listener_that_fails_costs_no_other_its_events(caplog: pytest.LogCaptureFixture) -> None:
    bus, heard = Bus(), []

    def fails(event: Lifecycle) -> None:
        raise ValueError(event.server)

    bus.listen(fails)
    bus.listen(heard.append)
    with bus.subscribe() as queue:
        for _ in range(300):
            bus.publish(Lifecycle(server="sim", what="ready"))
    assert len(heard) == 300
    assert queue.qsize() == 256
    assert "a listener of tool server events failed" in caplog.text
