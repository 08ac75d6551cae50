"""An explanation shows every rule's own answer; a document's cases are run on it."""

import re
from pathlib import Path

import msgspec
import pytest

from app.core.paths import resources
from app.policy import check
from app.policy.document import ACTIONS, Condition
from app.policy.engine import builtin, compiled
from app.policy.explain import Question, explain, run_cases
from tests.app.policy.world import TOOL, person, rule, snapshot, source

SHIPPED = sorted(
    path for path in (resources() / "assets" / "policies").glob("*.yaml") if path.stem != "builtin"
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_documents_pass_their_own_cases(path: Path) -> None:
    _, checked = check(path.read_bytes())
    assert checked.cases
    assert checked.failed == ()


def test_builtin_rules_pass_their_own_cases() -> None:
    document, _ = builtin()
    results = run_cases(document, compiled({}))
    assert [result.problem for result in results if result.problem] == []


def test_failed_case_says_what_happened() -> None:
    given = {"user": "dora", "action": "tool.call", "tool": "files/read"}
    tests = [
        {"name": "wrong effect", "given": given, "expect": "forbid"},
        {"name": "wrong rule", "given": given, "expect": "permit", "rule": "two"},
        {"name": "right", "given": given, "expect": "permit", "rule": "one"},
    ]
    _, checked = check(source(rule(), rule(id="two", tools=["other/*"]), tests=tests))
    assert [result.problem for result in checked.cases] == [
        "expected forbid, got permit. Permitted by rule site/one.",
        "permit, but decided by site/one and not by site/two",
        "",
    ]


def test_explanation_shows_each_rules_answer() -> None:
    rules = snapshot(
        rule(who={"roles": ["developer"]}),
        rule("forbid", "etc", when=[{"argument": "path", "matches": "/etc/**"}]),
        rule(id="other", tools=["mail/*"]),
        rule(id="models", actions=["model.invoke"]),
    )
    told = explain(rules, Question(principal=person(), action="tool.call", resource=TOOL, arguments={}))
    by_rule = {answer.rule: answer for answer in told.rules}
    assert told.decision.rule_ids == ("site/etc",)
    assert told.rules[0].rule == "site/etc"
    assert by_rule["site/etc"].because == ('path matches "/etc/**": unknown',)
    assert by_rule["site/one"].because == ("it is not about user dora: kind, name, roles or groups differ",)
    assert by_rule["site/other"].because == ("it does not name tool:files/read",)
    assert "site/models" not in by_rule


def documented() -> list[str]:
    manual = (resources() / "docs" / "administrators" / "policy.md").read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)


@pytest.mark.parametrize("text", documented())
def test_documents_in_the_manual_pass_their_own_cases(text: str) -> None:
    _, checked = check(text.encode())
    assert checked.cases
    assert checked.failed == ()


def test_manual_names_every_action_and_operator() -> None:
    manual = (resources() / "docs" / "administrators" / "policy.md").read_text(encoding="utf-8")
    operators = {field.encode_name for field in msgspec.structs.fields(Condition)} - {"argument"}
    assert [word for word in (*ACTIONS, *operators) if f"`{word}" not in manual] == []


def test_policy_in_the_readme_is_one() -> None:
    readme = (resources() / "README.md").read_text(encoding="utf-8")
    documents = [
        text for text in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if text.startswith("policy:")
    ]
    assert [check(text.encode())[1].policy for text in documents] == ["site"]
