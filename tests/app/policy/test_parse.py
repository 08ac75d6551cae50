"""A document is read strictly; every mistake names its line and what was probably meant."""

import pytest

from app.core.errors import InputError
from app.policy.document import render
from app.policy.parse import parse

GOOD = b"""\
policy: site
rules:
  - id: look
    effect: permit
    who: {roles: [developer]}
    actions: [tool.call]
    tools: ["tickets/*"]
    when:
      - {argument: limit, at_most: 100}
      - {argument: kind, in: [no, "on", 010, 3]}
tests:
  - name: small
    given: {user: dora, roles: [developer], action: tool.call, tool: tickets/find, arguments: {limit: 3, kind: no}}
    expect: permit
    rule: look
"""


def refusal(source: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parse(source)
    return str(caught.value)


def test_document_is_read() -> None:
    document = parse(GOOD)
    assert document.rules[0].tools == ("tickets/*",)
    assert parse(render(document).encode()) == document


def test_words_of_old_yaml_stay_texts() -> None:
    assert parse(GOOD).rules[0].when[1].in_ == ("no", "on", "010", 3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((b"effect: permit", b"efect: permit"), "line 4: unknown key 'efect'. Did you mean effect?"),
        ((b"{roles: [d", b"{role: [d"), "line 5: unknown key 'role'. Did you mean roles?"),
        ((b"    who: {roles: [developer]}", b"    roles: [developer]"), "Write roles under `who`"),
        ((b"[developer]}\n", b"developer}\n"), "line 5: `rules[0].who.roles` is not right: expected a list"),
        ((b"[developer]}\n", b"[]}\n"), "line 5"),
        ((b"who: {roles: [developer]}", b"who:"), "line 5"),
        ((b"effect: permit", b"effect: allow"), "line 4: `rules[0].effect` is not right: invalid enum value 'allow'"),
        ((b"[tool.call]", b"[tool.cal]"), "line 6: no action is called 'tool.cal'. Did you mean tool.call?"),
        ((b"tools: [", b"models: ["), "line 7: the rule 'look' can never apply to a model"),
        ((b"at_most: 100", b"atmost: 100"), "line 9: unknown key 'atmost'. Did you mean at_most?"),
        ((b", at_most: 100", b""), "line 9: a condition needs an operator"),
        ((b"at_most: 100", b"present: false"), "line 9: `present: false` is not used. Write `absent: true`."),
        ((b"at_most: 100", b"matches: a/b**/c"), "line 9: `**` stands for whole segments"),
        ((b"rule: look", b"rule: lock"), "line 15: there is no rule 'lock'. Did you mean look?"),
        ((b"action: tool.call", b"action: tool.cal"), "line 13: no action is called 'tool.cal'. Did you mean tool.call?"),
        ((b"tool: tickets/find,", b"model: m,"), "line 13: tool.call is about a tool, not about a model"),
        ((b"user: dora", b"user: dora, agent: x"), "line 13: only one of user"),
        ((b"policy: site", b"policy: builtin"), "line 1: the name builtin belongs to the built-in rules"),
        ((b"policy: site", b"policy: a b"), "line 1: `policy` is not right"),
        ((b"    id: ", b"    x: "), "line"),
        ((b"policy: site", b"policy: site\npolicy: other"), "line 2: the key 'policy' is given twice"),
        ((b"who: {roles: [developer]}", b"who: &a {roles: [developer]}"), "line 5: anchors and aliases"),
        ((b"tools: [\"tickets/*\"]", b"tools: [*all]"), "line 7: anchors and aliases"),
        ((b"effect: permit", b"effect: !!str permit"), "line 4: the tag"),
        ((b"policy: site", b"? [a]\n: 1\npolicy: site"), "line 1: a key must be a text"),
        ((b"tests:", b"---\ntests:"), "a file holds one document"),
        ((b"tests:", b"tests: ]"), "line 11: this is not YAML"),
    ],
)  # fmt: skip
def test_mistake_is_told_with_its_line(change: tuple[bytes, bytes], told: str) -> None:
    changed = GOOD.replace(*change)
    if change == (b"    id: ", b"    x: "):
        changed = GOOD.replace(b"- id: look", b"- x: look")
    assert changed != GOOD
    assert told in refusal(changed)


def test_rule_id_given_twice_is_refused() -> None:
    rule = b"  - {id: look, effect: forbid, actions: [model.invoke]}\n"
    assert "line 11: the rule id 'look' is given twice (first in line 3)" in refusal(
        GOOD.replace(b"tests:", rule + b"tests:")
    )


@pytest.mark.parametrize("depth", [30, 5_000, 200_000])
def test_deep_document_is_refused_and_harms_nothing(depth: int) -> None:
    assert "nested deeper than 24 levels" in refusal(b"policy: " + b"[" * depth)


@pytest.mark.parametrize("source", [b"", b"[]", b"just text", b"\xff", b"a: \x00", b"policy: x\nrules: []\n"])
def test_other_bytes_are_refused(source: bytes) -> None:
    assert refusal(source)


def test_large_document_is_refused() -> None:
    assert "larger than" in refusal(b"#" * 600_000)
