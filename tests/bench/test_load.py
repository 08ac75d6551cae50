"""The measuring programs against each other, and against a server that is wrong on purpose."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.bench.load import Aim, Load, Scenario, chat, tool_call
from tests.bench.process import BenchError, Program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("gcc") and shutil.which("taskset")), reason="needs gcc and taskset"),
]
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    return Load(tmp_path_factory.mktemp("load"))


@pytest.fixture
def upstream(load: Load) -> Iterator[Callable[[int], Program]]:
    with ExitStack() as stack:

        def started(delay_ms: int) -> Program:
            program = load.upstream(delay_ms=delay_ms)
            stack.callback(program.end)
            return program

        yield started


def scenario(*, expected: str, connections: int = 4, rate: float = 0.0) -> Scenario:
    return Scenario(
        name="test", expected=expected, connections=connections, seconds=0.6, warmup=0.3, rate=rate
    )


def test_answers_are_counted_and_cost_is_seen(load, upstream):
    run = load.drive(upstream(0), Aim(path=CHAT, body=chat()), scenario(expected="lantern"))
    assert run.ok > 100
    assert run.bad == run.failed == 0
    assert 0 < run.cpu_us < 1000


def test_a_steady_rate_is_kept_and_the_delay_is_measured(load, upstream):
    run = load.drive(upstream(50), Aim(path=CHAT, body=chat()), scenario(expected="lantern", rate=50))
    assert 20 <= run.ok <= 35
    assert 50 <= run.p50 < 150


def test_waiting_for_a_free_connection_is_charged_to_the_request(load, upstream):
    one = scenario(expected="lantern", connections=1, rate=50)
    run = load.drive(upstream(50), Aim(path=CHAT, body=chat()), one)
    assert run.p50 > 100


def test_a_stream_is_followed_to_its_end(load, upstream):
    patient = Scenario(name="test", expected="[DONE]", connections=4, seconds=1.5, warmup=0.3)
    run = load.drive(upstream(0), Aim(path=CHAT, body=chat(stream=True)), patient)
    assert run.ok >= 4
    assert run.events > 20
    assert run.p50 > 900


def test_a_tool_call_is_answered(load, upstream):
    run = load.drive(upstream(0), Aim(path="/mcp", body=tool_call("count")), scenario(expected="forty-two"))
    assert run.ok > 100


def test_an_answer_without_the_expected_words_is_no_figure(load, upstream):
    with pytest.raises(BenchError, match="bad"):
        load.drive(upstream(0), Aim(path=CHAT, body=chat()), scenario(expected="not in there"))
