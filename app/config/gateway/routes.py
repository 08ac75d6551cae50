"""Whether models, their places, fallbacks, routes and further names fit together; every mistake names its key."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from app.config.explain import nearest
from app.config.gateway.models import Model, Provider
from app.config.gateway.patterns import MOST, is_pattern, overlap, specificity
from app.core.errors import ConfigError


def check_models(providers: Mapping[str, Provider], models: Mapping[str, Model], *, source: str) -> None:
    """ConfigError for the first mistake."""
    for name, model in models.items():
        where = f"{source}: models.{name}"
        _check_places(name, model, providers, where)
        _check_others(name, model, models, where)
    _check_names(models, source)


def _check_places(name: str, model: Model, providers: Mapping[str, Provider], where: str) -> None:
    if model.provider and model.targets:
        raise ConfigError(f"{where}: give provider or targets, not both.", remedy="Move it into targets.")
    if not model.provider and (model.upstream or model.price):
        raise ConfigError(
            f"{where}: upstream and price belong to provider.", remedy="Put them into each of targets."
        )
    if not model.places() and not model.fallbacks:
        raise ConfigError(f"{where}: it goes nowhere.", remedy="Give provider, targets or fallbacks.")
    for number, place in enumerate(model.places()):
        at = f"{where}.targets[{number}]" if model.targets else where
        provider = providers.get(place.provider)
        if provider is None:
            raise ConfigError(
                f"{at}.provider: there is no provider {place.provider!r}.",
                remedy=nearest(place.provider, list(providers)),
            )
        if lacking := sorted(set(model.requires) - set(provider.labels)):
            raise ConfigError(
                f"{at}.provider: {place.provider} has no label {lacking[0]!r}, which {where}.requires demands.",
                remedy="Take the place away, or label the provider if it is true.",
            )
        if is_pattern(name) and not (place.price or place.upstream):
            raise ConfigError(
                f"{at}.price is missing: {name!r} stands for many names.",
                remedy="Name an entry of the price table.",
            )


def _check_others(name: str, model: Model, models: Mapping[str, Model], where: str) -> None:
    for key, other in _others(model):
        if other not in models:
            raise ConfigError(
                f"{where}.{key}: there is no model {other!r}.", remedy=nearest(other, list(models))
            )
        if other == name:
            raise ConfigError(f"{where}.{key}: it names itself.", remedy="Take it away.")
        if is_pattern(other):
            raise ConfigError(
                f"{where}.{key}: {other!r} stands for many names.", remedy="Name one that stands for one."
            )
        if key.startswith("fallbacks") and not models[other].places():
            raise ConfigError(
                f"{where}.{key}: {other!r} has no place of its own.",
                remedy="Name a model with provider or targets.",
            )


def _others(model: Model) -> Iterator[tuple[str, str]]:
    for number, other in enumerate(model.fallbacks):
        yield f"fallbacks[{number}]", other
    for number, branch in enumerate(model.routes):
        yield f"routes[{number}].to", branch.to


def _check_names(models: Mapping[str, Model], source: str) -> None:
    """No name may mean two models."""
    seen: dict[str, str] = {name: f"models.{name}" for name in models}
    for name, model in models.items():
        for alias in model.aliases:
            where = f"models.{name}.aliases"
            if alias in seen:
                raise ConfigError(
                    f"{source}: {where}: {alias!r} is also {seen[alias]}.", remedy="A name means one model."
                )
            seen[alias] = where
    for name, where in seen.items():
        if not name or len(name) > MOST or not name.isprintable():
            raise ConfigError(
                f"{source}: {where}: {name[:40]!r} cannot be a name.", remedy=f"Use up to {MOST} characters."
            )
    _check_ties((name for name in seen if is_pattern(name)), seen, source)


def _check_ties(patterns: Iterable[str], seen: Mapping[str, str], source: str) -> None:
    for one, other in combinations(sorted(patterns), 2):
        if specificity(one) == specificity(other) and overlap(one, other):
            raise ConfigError(
                f"{source}: {seen[one]} and {seen[other]}: some names fit {one!r} and {other!r} alike.",
                remedy="Make one of them more specific: the one with more fixed characters counts.",
            )
