"""In which order places are tried."""

from collections import Counter

import pytest

from app.config.gateway.models import When
from app.gateway.routing import Branch, Caller, Entry, Place, Traits, make_plan, read_traits
from app.gateway.routing.plan import weighted

ONSITE = frozenset({"on-site"})


def entry(name: str, *places: Place, **more) -> Entry:
    return Entry(name=name, places=places, **more)


def place(index: int, model: str = "m", **more) -> Place:
    return Place(index=index, model=model, **more)


def order(entries: list[Entry], name: str = "m", *, traits=Traits(), caller=Caller(), no=()) -> list[int]:  # noqa: B008
    plan = make_plan(
        {one.name: one for one in entries},
        name,
        traits=traits,
        caller=caller,
        judge=lambda model: ("forbidden" if model in no else "", frozenset()),
        draw=lambda: 0.0,
    )
    return [one.index for one in plan.places]


def test_weights_are_shares_of_who_comes_first():
    places = [place(0, weight=3), place(1, weight=1), place(2, weight=0)]
    firsts = Counter(weighted(places, lambda draw=number / 400: draw)[0].index for number in range(400))
    assert firsts == {0: 300, 1: 100}
    assert [one.index for one in weighted(places, lambda: 0.9)] == [1, 0, 2]
    assert [one.index for one in weighted(places, lambda: 1.0)] == [1, 0, 2]


def test_fallbacks_follow_in_their_order_and_theirs_are_not_followed():
    entries = [
        entry("m", place(0), fallbacks=("b", "a")),
        entry("a", place(1, "a"), fallbacks=("c",)),
        entry("b", place(2, "b")),
        entry("c", place(3, "c")),
    ]
    assert order(entries) == [0, 2, 1]


def test_a_model_that_is_forbidden_is_no_fallback():
    entries = [entry("m", place(0), fallbacks=("a",)), entry("a", place(1, "a"))]
    assert order(entries, no=("a",)) == [0]
    assert order(entries, no=("m",)) == [0, 1]  # the corridor has judged the name that was asked for


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        (When(), True),
        (When(images=True, tools=False), True),
        (When(images=False), False),
        (When(longer_than=99), True),
        (When(longer_than=100), False),
        (When(groups=("x", "lab")), True),
        (When(groups=("x",)), False),
        (When(callers=("alice",), roles=("developer",)), True),
        (When(labels=("on-site",)), False),
    ],
)
def test_a_route_is_taken_when_everything_in_it_fits(when: When, fits: bool):
    entries = [entry("m", place(0), routes=(Branch(when=when, to="a"),)), entry("a", place(1, "a"))]
    caller = Caller(name="alice", groups=("lab",), roles=("developer",))
    assert order(entries, traits=Traits(images=True, tokens=100), caller=caller) == [1 if fits else 0]


def test_labels_are_demanded_of_every_place_whoever_demands_them():
    off, on = place(0), place(1, "a", labels=ONSITE)
    tail = [entry("a", on), entry("b", place(2, "b"))]
    assert order([entry("m", off, fallbacks=("a", "b")), *tail], caller=Caller(labels=ONSITE)) == [1]
    assert order([entry("m", off, fallbacks=("a", "b"), requires=ONSITE), *tail]) == [1]
    route = (Branch(when=When(), to="r"),)
    strict = entry("r", off, fallbacks=("a", "b"), requires=ONSITE)
    assert order([entry("m", off, routes=route), strict, *tail]) == [1]


@pytest.mark.parametrize(
    "members",
    [
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "image"}]}]}
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
    ],
)
def test_images_are_seen_in_each_dialect(members):
    assert read_traits(members, size=8, stream=False) == Traits(images=True, tokens=2)


@pytest.mark.parametrize(
    ("members", "thinks"),
    [
        ({"thinking": {"type": "enabled"}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning": {"effort": "low"}}, True),
        ({"messages": "thinking"}, False),
    ],
)
def test_thinking_is_seen_in_each_dialect(members, thinks: bool):
    assert read_traits(members, size=0, stream=True) == Traits(thinking=thinks, stream=True)
