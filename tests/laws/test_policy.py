"""Laws of policies: forbids only take, permits only give, order is nothing, rendering loses nothing."""

import posixpath
import random
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.call import Resource
from app.core.principal import Principal
from app.core.verdict import DEFAULT_DENY
from app.policy.document import Condition, Document, Rule, Who, render
from app.policy.parse import parse
from app.policy.pattern import name_matches, text_pattern
from app.policy.snapshot import Snapshot

NAMES = st.sampled_from(["a", "b", "files/read", "files/../x"])
PATTERNS = st.sampled_from(["*", "a", "files/*", "files/read", "*r*"])
ACTIONS = st.sampled_from(["tool.call", "model.invoke", "resource.read", "admin.user.create"])
VALUES = st.sampled_from([None, True, 0, 3, 7.5, "", "x", "/srv/a", "/srv/../etc", ["/srv/a"], {"d": 1}])
MISSING = object()


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, max_size=2, unique=True).map(tuple)


CONDITIONS = st.one_of(
    st.builds(
        Condition, argument=st.sampled_from(["p", "p.*", "q"]), matches=st.sampled_from(["/srv/**", "x*"])
    ),
    st.builds(Condition, argument=st.just("p"), not_in=st.just(("x", 3))),
    st.builds(Condition, argument=st.just("p"), at_most=st.just(5)),
    st.builds(Condition, argument=st.just("q"), present=st.just(True)),
)
RULES = st.builds(
    Rule,
    id=st.just("r"),
    effect=st.sampled_from(["permit", "forbid"]),
    actions=st.lists(
        st.sampled_from(["*", "tool.*", "model.invoke", "admin.*", "resource.read"]), min_size=1, max_size=2
    ).map(tuple),
    who=st.builds(Who, roles=lists(st.sampled_from(["x", "y*"])), users=lists(st.sampled_from(["ann", "*"]))),
    tools=lists(PATTERNS),
    resources=lists(PATTERNS),
    when=st.lists(CONDITIONS, max_size=2).map(tuple),
    reason=st.sampled_from(["", "because"]),
)
RULE_LISTS = st.lists(RULES, max_size=6)
QUESTIONS = st.fixed_dictionaries(
    {
        "principal": st.builds(
            Principal, id=st.just("i"), kind=st.sampled_from(["user", "service", "operator", "anonymous"]),
            name=st.sampled_from(["ann", "bob"]), roles=lists(st.sampled_from(["x", "y1"])),
            scopes=st.sampled_from([None, ("tool.*",)]),
        ),
        "action": ACTIONS,
        "resource": st.builds(Resource, st.sampled_from(["tool", "model", "resource", "user"]), NAMES),
        "arguments": st.none() | st.dictionaries(st.sampled_from(["p", "q"]), VALUES),
    }
)  # fmt: skip


def snapshot(rules: list[Rule], *, policy: str = "site") -> Snapshot:
    return Snapshot({policy: (document(rules, policy=policy), "sha")}) if rules else Snapshot({})


def document(rules: list[Rule], *, policy: str = "site") -> Document:
    numbered = tuple(msgspec.structs.replace(rule, id=f"r{number}") for number, rule in enumerate(rules))
    return Document(policy=policy, rules=numbered)


@pytest.mark.slow
@given(RULE_LISTS, RULES, QUESTIONS)
def test_adding_a_forbid_never_permits(rules: list[Rule], more: Rule, question: dict[str, Any]) -> None:
    forbid = msgspec.structs.replace(more, effect="forbid")
    if snapshot([*rules, forbid]).decide(**question).permitted:
        assert snapshot(rules).decide(**question).permitted


@given(RULE_LISTS, RULES, QUESTIONS)
def test_adding_a_permit_never_forbids(rules: list[Rule], more: Rule, question: dict[str, Any]) -> None:
    permit = msgspec.structs.replace(more, effect="permit")
    if snapshot(rules).decide(**question).permitted:
        assert snapshot([*rules, permit]).decide(**question).permitted


@given(RULE_LISTS, QUESTIONS, st.randoms(use_true_random=False))
def test_order_of_rules_and_documents_is_nothing(
    rules: list[Rule], question: dict[str, Any], chance: random.Random
) -> None:
    numbered = [
        (f"p{number % 2}", msgspec.structs.replace(rule, id=f"r{number}"))
        for number, rule in enumerate(rules)
    ]

    def decided(order: list[tuple[str, Rule]]) -> Any:
        names = dict.fromkeys(name for name, _ in order)
        documents = {n: Document(policy=n, rules=tuple(r for name, r in order if name == n)) for n in names}
        return Snapshot({name: (doc, name) for name, doc in documents.items()}).decide(**question)

    shuffled = list(numbered)
    chance.shuffle(shuffled)
    assert decided(numbered) == decided(shuffled)


@given(RULE_LISTS, QUESTIONS)
def test_a_permit_always_names_a_rule_and_nobody_is_never_permitted(
    rules: list[Rule], question: dict[str, Any]
) -> None:
    decision = snapshot(rules).decide(**question)
    assert bool(decision.rule_ids) == (decision.permitted or decision.reason == "forbidden_by_rule")
    if question["principal"].anonymous:
        assert not decision.permitted
    if not rules and not question["principal"].anonymous and question["principal"].scopes is None:
        assert decision.reason == DEFAULT_DENY


@given(RULE_LISTS, QUESTIONS)
def test_a_listing_never_hides_what_is_permitted(rules: list[Rule], question: dict[str, Any]) -> None:
    found = snapshot(rules)
    outlook = found.outlook(question["principal"], question["action"], question["resource"])
    if found.decide(**question).permitted:
        assert outlook.permits or (outlook.final is not None and outlook.final.permitted)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)


@given(
    st.lists(RULES, min_size=1, max_size=4),
    st.lists(TEXTS, min_size=1, max_size=4),
    TEXTS,
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_parse_of_render_is_the_same(rules: list[Rule], names: list[str], reason: str, bound: float) -> None:
    when = Condition(argument="x", in_=(*names, None, True, 5), at_least=bound)
    told = [
        msgspec.structs.replace(
            rule, reason=reason, when=(*rule.when, when), who=Who(groups=tuple(names)), actions=("*",)
        )
        for rule in rules
    ]
    expected = document(told)
    assert parse(render(expected).encode()) == expected


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_name_pattern_is_what_the_naive_reading_says(pattern: str, value: str) -> None:
    def naive(p: str, v: str) -> bool:
        if not p:
            return not v
        if p[0] == "*":
            return naive(p[1:], v) or (bool(v) and naive(p, v[1:]))
        return bool(v) and p[0] == v[0] and naive(p[1:], v[1:])

    assert name_matches(pattern, value) is naive(pattern, value)


@given(
    st.lists(
        st.sampled_from(["/", ".", "..", "srv", "a", "%2e", "%2F", "%252e", "\\", "~", " ", "\n", "etc"]),
        max_size=9,
    )
)
def test_path_that_fits_stays_inside_however_it_is_read(pieces: list[str]) -> None:
    value = "/srv" + "".join(pieces)
    if text_pattern("/srv/**")(value):
        for read in (value, unquote(value), unquote(unquote(value)), value.replace("\\", "/")):
            assert posixpath.normpath(read).startswith("/srv/")


@given(
    st.lists(
        st.sampled_from(
            ["https:", "//", "/", "good.example", "evil.example", "@", "?", "#", ":", "..", "\\", "a"]
        ),
        max_size=9,
    )
)
def test_url_that_fits_stays_on_its_host(pieces: list[str]) -> None:
    value = "https://good.example" + "".join(pieces)
    if text_pattern("https://good.example/**")(value):
        assert urlsplit(value).hostname == "good.example"


@given(st.sampled_from(["/srv/**", "https://*.x/**", "a/*", "**/b", "*a*", "x", "/"]), st.text(max_size=40))
def test_no_value_breaks_a_pattern(pattern: str, value: str) -> None:
    for text in (value, f"https://{value}", f"/{value}", f"{value}/"):
        assert text_pattern(pattern)(text) in (True, False, None)
