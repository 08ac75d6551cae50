"""The corridor with the real rooms: whatever happens inside, the record tells it and no budget stays held."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.admission import Admission
from app.core.call import BearerToken, Call, Inherited, Resource
from app.core.clock import SystemClock
from app.core.errors import DeniedError, RecordUnavailableError
from app.core.ids import child_span, new_trace
from app.core.principal import Principal
from app.core.usage import Amounts, Reserve, Usage
from app.core.verdict import Decision
from app.identity.keys import Budget
from tests.fix_server import Serve, Served, until

PRICE = 1_000
BUDGET = 1_000_000_000


def model_call(token: str, *, reserve: int = PRICE, name: str = "any") -> Call:
    return Call(
        door="gateway",
        action="model.invoke",
        resource=Resource("model", name),
        trace=new_trace(),
        credential=BearerToken(token),
        reserve=Reserve(amounts=Amounts(microdollars=reserve, requests=1)),
    )


def statuses(served: Served) -> dict[str, str]:
    rows = served.select("SELECT trace_id, status FROM governance_decisions WHERE door = 'gateway'")
    return {row["trace_id"]: row["status"] for row in rows}


def held(served: Served) -> int:
    return served.select("SELECT coalesce(sum(reserved), 0)::bigint AS held FROM budget_ledger")[0]["held"]


async def budgeted(served: Served) -> str:
    return await served.key("developer", budget=Budget(microdollars=BUDGET, window="day"))


async def test_outcome_carries_what_was_noted(serve: Serve):
    served = await serve()
    call = model_call(await served.key("developer"))
    async with served.site.admission.admit(call) as passage:
        passage.note(usage=Usage(input=3, output=4), microdollars=70, result={"stop": "end"})
    row = served.record("kind = 'outcome' AND trace_id = %s", call.trace.trace_id)[0]
    assert (row["status"], row["input_tokens"], row["output_tokens"], row["microdollars"]) == ("ok", 3, 4, 70)
    assert row["body"]["result"]["bytes"] == len('{"stop":"end"}')


async def test_exception_in_the_block_is_recorded_and_passed_on(serve: Serve):
    served = await serve()
    call = model_call(await budgeted(served))
    with pytest.raises(ZeroDivisionError):
        async with served.site.admission.admit(call):
            raise ZeroDivisionError("a bug")
    row = served.record("kind = 'outcome' AND trace_id = %s", call.trace.trace_id)[0]
    assert (row["status"], row["body"]["error"]) == ("error", "ZeroDivisionError: a bug")
    assert held(served) == 0


async def test_cancellation_in_the_block_is_recorded(serve: Serve):
    served = await serve()
    call = model_call(await budgeted(served))

    async def work() -> None:
        async with served.site.admission.admit(call):
            await asyncio.sleep(60)

    task = asyncio.ensure_future(work())
    await until(lambda: statuses(served).get(call.trace.trace_id) == "open")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: statuses(served)[call.trace.trace_id] == "cancelled")
    assert held(served) == 0


@pytest.mark.slow
async def test_cancelled_at_any_await_leaves_nothing_open_and_nothing_held(serve: Serve):
    served = await serve()
    token = await budgeted(served)
    admission = served.site.admission

    async def work() -> None:
        async with admission.admit(model_call(token)) as passage:
            await asyncio.sleep(0)
            passage.note(microdollars=10)
            await passage.settle()

    ended = []
    for steps in range(120):
        task = asyncio.ensure_future(work())
        for _ in range(steps // 2):
            # Both kinds of turn: with and without time for the sockets.
            await asyncio.sleep(0 if steps % 2 else 0.0003)
        task.cancel()
        ended.append((await asyncio.gather(task, return_exceptions=True))[0])
    assert any(isinstance(end, asyncio.CancelledError) for end in ended)
    assert any(end is None for end in ended)
    await until(lambda: "open" not in statuses(served).values())
    await until(lambda: held(served) == 0)
    assert set(statuses(served).values()) <= {"ok", "cancelled", "refused"}


async def test_cancelled_twice_while_settling_still_writes_the_outcome(serve: Serve):
    served = await serve()
    token = await budgeted(served)
    for steps in range(40):
        entered = asyncio.Event()

        async def work(call: Call, entered: asyncio.Event) -> None:
            async with served.site.admission.admit(call) as passage:
                entered.set()
                passage.note(microdollars=10)
                await asyncio.sleep(60)

        task = asyncio.ensure_future(work(model_call(token), entered))
        await entered.wait()
        task.cancel()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await until(lambda: "open" not in statuses(served).values())
    assert set(statuses(served).values()) == {"cancelled"}
    await until(lambda: held(served) == 0)


async def test_denied_call_holds_no_budget_and_is_recorded(serve: Serve):
    served = await serve()
    token = await served.key(budget=Budget(microdollars=BUDGET, window="day"))
    call = model_call(token)
    with pytest.raises(DeniedError) as caught:
        async with served.site.admission.admit(call):
            pytest.fail("entered")
    assert caught.value.trace_id == call.trace.trace_id
    assert statuses(served)[call.trace.trace_id] == "denied"
    assert held(served) == 0


async def test_call_beyond_the_budget_is_denied_and_recorded(serve: Serve):
    served = await serve()
    token = await served.key("developer", budget=Budget(microdollars=PRICE, window="day"))
    async with served.site.admission.admit(model_call(token)) as passage:
        other = model_call(token, reserve=1)
        with pytest.raises(DeniedError, match="budget"):
            async with served.site.admission.admit(other):
                pytest.fail("entered")
        passage.note(microdollars=PRICE // 2)
    assert statuses(served)[other.trace.trace_id] == "denied"
    async with served.site.admission.admit(model_call(token, reserve=PRICE // 2)):
        pass


async def test_inherited_call_is_the_same_principal_and_part_of_the_trace(serve: Serve):
    served = await serve()
    call = model_call(await served.key("developer"))
    async with served.site.admission.admit(call) as passage:
        nested = Call(
            door="gateway",
            action="tool.use",
            resource=Resource("tool", "client/Bash"),
            trace=child_span(passage.trace),
            credential=Inherited(passage),
        )
        async with served.site.admission.admit(nested):
            pass
    rows = served.record("kind = 'intent' AND trace_id = %s", call.trace.trace_id)
    assert [row["actor"] for row in rows] == ["robot", "robot"]
    assert rows[1]["parent_id"] == rows[0]["span_id"]


class Failing:
    """A policy with a bug."""

    def decide(self, principal: Principal, action: str, resource: Resource, *, arguments: Any) -> Decision:
        raise RecursionError("a rule went in circles")

    def may(self, principal: Principal, action: str, resource: Resource) -> bool:
        raise RecursionError("a rule went in circles")


async def test_failing_policy_denies_and_is_recorded(serve: Serve):
    served = await serve()
    call = model_call(await served.key("developer"))
    with pytest.raises(DeniedError):
        async with _with(served, policy=Failing()).admit(call):
            pytest.fail("entered")
    assert served.record("trace_id = %s", call.trace.trace_id)[0]["reason"] == "policy_failed"


class Jumping(SystemClock):
    """Wall time that an administrator sets back."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(days=-400), timedelta(days=400)])
async def test_jumping_clock_loses_nothing(serve: Serve, jump: timedelta):
    served = await serve()
    token = await budgeted(served)
    clock = Jumping()
    admission = _with(served, clock=clock)
    calls = [model_call(token) for _ in range(3)]
    async with admission.admit(calls[0]):
        clock.offset = jump
        async with admission.admit(calls[1]):
            pass
    async with admission.admit(calls[2]):
        clock.offset = timedelta()
    found = statuses(served)
    assert [found[call.trace.trace_id] for call in calls] == ["ok"] * 3
    rows = served.select("SELECT seq FROM audit_events WHERE node = 'node-1' ORDER BY boot, seq")
    assert [row["seq"] for row in rows] == list(range(len(rows)))
    latencies = served.select("SELECT latency_us FROM audit_events WHERE kind = 'outcome'")
    assert all(0 <= row["latency_us"] < 60_000_000 for row in latencies)
    assert held(served) == 0


async def test_call_is_refused_before_it_is_looked_at_while_the_record_is_away(serve: Serve):
    served = await serve()
    token = await served.key("developer")
    served.site.recorder.available = False
    before = len(served.record())
    with pytest.raises(RecordUnavailableError):
        async with served.site.admission.admit(model_call(token)):
            pytest.fail("entered")
    served.site.recorder.available = True
    assert len(served.record()) == before


def _with(served: Served, **parts: Any) -> Admission:
    """The site's corridor with other parts."""
    real = served.site.admission
    names = ("identity", "policy", "budgets", "records", "recording", "clock", "metrics")
    return Admission(**{name: parts.get(name, getattr(real, name)) for name in names})
