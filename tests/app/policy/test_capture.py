"""A permit may say what of the contents is kept; of several the one that keeps least wins."""

import itertools

import pytest

from app.core.call import Resource
from app.core.errors import InputError
from app.core.verdict import CAPTURES
from app.policy.explain import Question, explain
from app.policy.parse import parse
from app.policy.versions import check
from tests.app.policy.world import ask, person, rule, snapshot, source


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(CAPTURES, 2)))
def test_of_two_permits_the_one_that_keeps_less_wins_in_any_order(one: str, other: str) -> None:
    rules = [rule(id="a", record=one), rule(id="b", record=other), rule(id="c")]
    for order in itertools.permutations(rules):
        assert ask(snapshot(*order), person()).record == one


def test_without_a_word_the_profile_decides() -> None:
    assert ask(snapshot(rule()), person()).record is None


def test_a_permit_whose_conditions_do_not_hold_has_no_say() -> None:
    rules = snapshot(
        rule(id="a", record="full"), rule(id="b", record="off", when=[{"argument": "x", "equals": 1}])
    )
    assert ask(rules, person(), arguments={"x": 2}).record == "full"
    assert ask(rules, person(), arguments={"x": 1}).record == "off"


def test_a_forbid_cannot_say_what_is_kept() -> None:
    with pytest.raises(InputError, match="`record` is for calls that are permitted"):
        parse(source(rule("forbid", record="off")))


def test_a_mistyped_word_is_told() -> None:
    with pytest.raises(InputError, match=r"rules\[0\]\.record"):
        parse(source(rule(record="masked")))


def test_explain_and_cases_show_it() -> None:
    found = explain(
        snapshot(rule(record="digest")),
        Question(principal=person(), action="tool.call", resource=Resource("tool", "files/read")),
    )
    assert "of the contents the record keeps: digest" in found.rules[0].because
    case = {
        "name": "kept", "given": {"user": "dora", "action": "tool.call", "tool": "files/read"}, "expect": "permit",
        "record": "off",
    }  # fmt: skip
    _, checked = check(source(rule(record="digest"), tests=[case]))
    assert [result.problem for result in checked.cases] == ["expected record off, got digest"]


def test_labels_of_all_permits_that_hold_add_up():
    models = {"actions": ["*"]}
    rules = snapshot(
        rule(id="a", labels=["on-site"], **models),
        rule(id="b", labels=["gpu"], when=[{"argument": "x", "equals": 1}], **models),
        rule(id="c", **models),
    )
    assert ask(rules, person(), "model.invoke", arguments={"x": 2}).labels == ("on-site",)
    assert ask(rules, person(), "model.invoke", arguments={"x": 1}).labels == ("gpu", "on-site")


def test_labels_are_for_rules_that_permit_model_calls():
    for wrong in (rule("forbid", labels=["on-site"]), rule(labels=["on-site"], actions=["audit.read"])):
        with pytest.raises(InputError, match="`labels` are for the model calls"):
            parse(source(wrong))
