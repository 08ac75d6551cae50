"""The arithmetic of the figures: a wrong ratio is worse than none."""

import json
from datetime import UTC, datetime

import pytest

from tests.bench.figures import bundle_figure, compute
from tests.bench.load import Run
from tests.bench.measure import DIRECT, OURS, UNRECORDED_NAME, Results
from tests.bench.report import BEGIN, END, json_lines, tables, write


def run(*, rps: float = 100.0, ok: int = 100, cpu: float = 0.01, p50: float = 1.0, p99: float = 2.0) -> Run:
    return Run(
        seconds=1, ok=ok, bad=0, failed=0, events=ok, rps=rps, p50=p50, p99=p99, first_bad="", cpu_seconds=cpu
    )


@pytest.fixture
def results() -> Results:
    runs = {
        ("chat", OURS): [run(rps=5000, cpu=0.02), run(rps=1000, cpu=0.02), run(rps=6000, cpu=0.02)],
        ("chat", "LiteLLM"): [run(rps=50), run(rps=20), run(rps=50)],
        ("chat", "nginx"): [run(cpu=0.004)] * 3,
        ("chat", UNRECORDED_NAME): [run(rps=10_000), run(rps=2000), run(rps=10_000)],
        ("stream", OURS): [run(cpu=0.004)],
        ("stream", "nginx"): [run(cpu=0.001)],
        ("mcp", OURS): [run(rps=2000)],
        ("added", OURS): [run(p50=52.5, p99=56.0)],
        ("added", DIRECT): [run(p50=51.0, p99=53.0)],
    }
    return Results(
        runs=runs,
        versions={"LiteLLM": "1.2.3"},
        missing={"ContextForge": "no network"},
        megabytes={OURS: 71.25},
    )


def test_a_ratio_is_the_median_of_the_rounds_ratios(results):
    figure = next(figure for figure in compute(results) if figure.peer.startswith("LiteLLM"))
    assert figure.value == 100.0
    assert figure.peer == "LiteLLM 1.2.3"
    assert figure.met


def test_recording_is_a_share_of_the_throughput_without_it(results):
    figure = next(figure for figure in compute(results) if figure.peer == UNRECORDED_NAME)
    assert (figure.value, figure.unit) == (50.0, "%")


def test_cost_is_compared_upwards_and_latency_subtracted(results):
    by_metric = {figure.metric: figure for figure in compute(results)}
    assert by_metric["CPU a request"].value == 5.0
    assert by_metric["CPU a request"].met
    assert by_metric["added p50 at 40/s, upstream 50 ms"].value == 1.5
    assert by_metric["added p99 at 40/s, upstream 50 ms"].value == 3.0


def test_a_difference_below_nothing_is_noise_and_no_figure(results):
    results.runs["added", DIRECT] = [run(p50=90.0, p99=300.0)]
    added = [figure for figure in compute(results) if figure.peer == DIRECT]
    assert [figure.value for figure in added] == [None, None]
    assert all(figure.note for figure in added)


def test_a_missing_peer_has_a_reason_and_no_value(results):
    figure = next(figure for figure in compute(results) if figure.peer == "ContextForge")
    assert figure.value is None
    assert figure.met is None
    assert figure.note == "no network"
    assert json.loads(json_lines([figure]))["value"] is None
    assert "ContextForge is missing: no network" in tables([figure], results, now=datetime.now(UTC), rounds=1)


def test_every_figure_has_metric_value_target_and_peer(results):
    for line in json_lines(compute(results)).splitlines():
        assert {"metric", "value", "target", "peer"} <= json.loads(line).keys()


def test_a_figure_of_the_file_keeps_its_unit_apart():
    figure = bundle_figure({"metric": "bundle: idle memory, MB", "value": 55.5, "target": 70, "peer": ""})
    assert (figure.metric, figure.unit, figure.met) == ("bundle: idle memory", "MB", True)


def test_only_what_stands_between_the_markers_is_replaced(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(page, "new\n")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_a_page_without_markers_is_left_alone(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text("nothing to replace\n")
    with pytest.raises(ValueError, match="markers"):
        write(page, "new\n")
    assert page.read_text() == "nothing to replace\n"
