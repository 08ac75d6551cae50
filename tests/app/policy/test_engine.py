"""The engine remembers outlooks, never arguments; without documents only the built-in rules hold."""

from app.core.call import Resource
from app.policy.engine import MEMO_ENTRIES, Engine
from tests.app.policy.world import TOOL, person, rule, snapshot


def test_new_engine_knows_the_builtin_rules_only() -> None:
    engine = Engine()
    assert not engine.decide(person(), "tool.call", TOOL, arguments={}).permitted
    assert engine.decide(
        person("a", "administrator"), "admin.user.list", Resource("user", "*"), arguments=None
    ).permitted


def test_arguments_are_looked_at_each_time() -> None:
    engine = Engine()
    engine.use(snapshot(rule(when=[{"argument": "n", "at_most": 1}])))
    decisions = [engine.decide(person(), "tool.call", TOOL, arguments={"n": n}).permitted for n in (1, 2, 1)]
    assert decisions == [True, False, True]


def test_new_snapshot_forgets_the_old_one() -> None:
    engine = Engine()
    engine.use(snapshot(rule()))
    assert engine.decide(person(), "tool.call", TOOL, arguments=None).permitted
    engine.use(snapshot(rule("forbid")))
    assert not engine.decide(person(), "tool.call", TOOL, arguments=None).permitted


def test_people_who_differ_only_in_scope_are_told_apart() -> None:
    engine = Engine()
    engine.use(snapshot(rule()))
    assert engine.decide(person(), "tool.call", TOOL, arguments=None).permitted
    assert not engine.decide(person(scopes=()), "tool.call", TOOL, arguments=None).permitted


def test_listing_shows_what_some_arguments_could_reach() -> None:
    engine = Engine()
    never = rule("forbid", "never", tools=["files/delete"])
    engine.use(snapshot(rule(when=[{"argument": "n", "at_most": 1}]), never))
    assert engine.may(person(), "tool.call", TOOL)
    assert not engine.may(person(), "tool.call", Resource("tool", "files/delete"))
    assert not engine.may(person(), "model.invoke", Resource("model", "m"))


def test_memory_is_bounded() -> None:
    engine = Engine()
    for number in range(MEMO_ENTRIES + 10):
        engine.decide(person(), "tool.call", Resource("tool", f"files/{number}"), arguments=None)
    assert len(engine._memo) <= MEMO_ENTRIES
