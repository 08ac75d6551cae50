"""In which order a call tries its places. A place without a demanded label is in no plan, whatever else holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from app.gateway.routing.entries import NO_LABELS, Entry, Place
from app.gateway.routing.traits import Traits

Draw = Callable[[], float]
"""Chance: a number from 0 up to 1."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as far as routes look at it; `labels` are demanded of every provider of this call."""

    name: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    labels: frozenset[str] = NO_LABELS


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The places in their order; `model` is the one that the routes chose, `passed` says who was left out and why."""

    model: str
    places: tuple[Place, ...]
    demanded: frozenset[str]
    passed: tuple[tuple[Place, str], ...] = ()


def make_plan(
    entries: Mapping[str, Entry],
    name: str,
    *,
    traits: Traits,
    caller: Caller,
    judge: Callable[[str], tuple[str, frozenset[str]]],
    draw: Draw,
) -> Plan:
    """The plan for a call of the model `name`.

    `judge` says of another model why the caller may not use it, or nothing, and which labels its providers must have.
    """
    asked = entries[name]
    chosen = _routed(entries, asked, traits, caller)
    demanded = asked.requires | chosen.requires | caller.labels
    places: list[Place] = []
    passed: list[tuple[Place, str]] = []
    for entry in _in_turn(entries, chosen):
        why, labels = judge(entry.name) if entry is not asked else ("", NO_LABELS)
        for place in weighted(entry.places, draw):
            lacking = (demanded | labels) - place.labels
            if lacking:
                passed.append((place, f"its provider has no label {min(lacking)}"))
            elif why:
                passed.append((place, why))
            else:
                places.append(place)
    return Plan(model=chosen.name, places=tuple(places), demanded=demanded, passed=tuple(passed))


def weighted(places: Sequence[Place], draw: Draw) -> Sequence[Place]:
    """Each place comes first as often as its share of the weights says; those of weight 0 come last, in their order."""
    if len(places) == 1:
        return places
    left = [place for place in places if place.weight]
    order: list[Place] = []
    while left:
        at = draw() * sum(place.weight for place in left)
        for place in left:
            at -= place.weight
            if at < 0:
                break
        else:
            place = left[-1]  # chance was 1, or rounding
        left.remove(place)
        order.append(place)
    return [*order, *(place for place in places if not place.weight)]


def _routed(entries: Mapping[str, Entry], asked: Entry, traits: Traits, caller: Caller) -> Entry:
    for branch in asked.routes:
        when = branch.when
        if (
            traits.fit(when)
            and _among(when.groups, caller.groups)
            and _among(when.roles, caller.roles)
            and _among(when.callers, (caller.name,))
            and _among(when.labels, (*caller.labels, *asked.requires))
        ):
            return entries[branch.to]
    return asked


def _among(wanted: Sequence[str], has: Sequence[Any]) -> bool:
    return not wanted or any(one in has for one in wanted)


def _in_turn(entries: Mapping[str, Entry], chosen: Entry) -> Iterator[Entry]:
    """The model itself, then its fallbacks; theirs are not followed."""
    yield chosen
    for name in chosen.fallbacks:
        yield entries[name]
