"""The book of a profile; what it says of a provider that is as before goes on with its connections and its standing."""

from collections.abc import Callable
from ssl import SSLContext

import msgspec

from app.config import Profile
from app.config.gateway.models import Health, Model
from app.config.gateway.models import Place as Settings
from app.config.gateway.patterns import is_pattern
from app.config.gateway.routes import check_models
from app.core.errors import ConfigError
from app.egress.http import Connects, Upstream, parse_origin
from app.gateway.book.book import Book, Found
from app.gateway.book.target import DIALECTS, Target
from app.gateway.dialects import OPENAI, RESPONSES
from app.gateway.money import PriceTable
from app.gateway.routing import Branch, Entry, Names, Place, Plan, Rules, Standing, Turns
from app.gateway.routing.breaker import State

Changed = Callable[[Standing, State], None]


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What a book is made with, beside the profile."""

    prices: PriceTable
    connector: Connects
    tls: SSLContext | None
    changed: Changed | None = None
    """Hears when the circuit of a target opens or closes."""


def open_book(profile: Profile, opening: Opening, *, before: Book | None = None) -> Book:
    """ConfigError names the key that is wrong: an unknown provider, a model without a price, a tie of patterns."""
    check_models(profile.providers, profile.models, source="profile")
    making = _Making(profile, opening, before)
    for name, model in profile.models.items():
        making.add(name, model)
    return making.book()


class _Making:
    def __init__(self, profile: Profile, opening: Opening, before: Book | None) -> None:
        self._profile = profile
        self._opening = opening
        self._before = before
        self._entries: dict[str, Entry] = {}
        self._targets: list[Target] = []
        self._standings: dict[tuple[str, str], Standing] = {}
        self._same = {
            name
            for name, provider in profile.providers.items()
            if before is not None and before.providers.get(name) == provider
        }
        self._upstreams = {name: self._upstream(name) for name in profile.providers}
        self._turns = {name: self._provider_turns(name) for name in profile.providers}

    def add(self, name: str, model: Model) -> None:
        """A model and its targets."""
        places = []
        for number, settings in enumerate(model.places()):
            where = f"models.{name}.targets[{number}]" if model.targets else f"models.{name}"
            target = self._target(name, model, settings, where=where)
            place = Place(
                index=len(self._targets), model=name, labels=frozenset(target.labels), weight=settings.weight
            )
            places.append(place)
            self._targets.append(target)
        self._entries[name] = Entry(
            name=name,
            places=tuple(places),
            fallbacks=model.fallbacks,
            routes=tuple(Branch(when=branch.when, to=branch.to) for branch in model.routes),
            requires=frozenset(model.requires),
        )

    def book(self) -> Book:
        """All of it."""
        models = self._profile.models
        return Book(
            names=Names({name: model.aliases for name, model in models.items()}),
            entries=self._entries,
            found={name: self._found(name, model) for name, model in models.items()},
            targets=tuple(self._targets),
            providers=self._profile.providers,
            upstreams=self._upstreams,
            standings=self._standings,
            turns=self._turns,
        )

    def _found(self, name: str, model: Model) -> Found:
        entry = self._entries[name]
        heads = [entry, *(self._entries[branch.to] for branch in entry.routes)]
        tails = [self._entries[other] for head in heads for other in head.fallbacks]
        reach = {place.index: self._targets[place.index] for one in (*heads, *tails) for place in one.places}
        before = self._before.found.get(name) if self._before is not None else None
        same = before is not None and before.settings.concurrency == model.concurrency
        return Found(
            entry=entry,
            settings=model,
            plan=Plan(model=name, places=entry.places, demanded=entry.requires),
            reach=tuple(reach.values()),
            turns=before.turns if same and before is not None else Turns(model.concurrency),
        )

    def _upstream(self, name: str) -> Upstream:
        provider = self._profile.providers[name]
        if name in self._same and self._before is not None:
            return self._before.upstreams[name]
        return Upstream(
            origin=parse_origin(f"providers.{name}.url", provider.url),
            connector=self._opening.connector,
            tls=self._opening.tls,
            connections=provider.connections,
            timeout=provider.timeout,
            connect_timeout=provider.connect_timeout,
        )

    def _provider_turns(self, name: str) -> Turns:
        if name in self._same and self._before is not None:
            return self._before.turns[name]
        return Turns(self._profile.providers[name].concurrency)

    def _standing(self, provider: str, model: str, health: Health) -> Standing:
        key = (provider, model)
        if key not in self._standings:
            kept = self._before.standings.get(key) if self._before and provider in self._same else None
            rules = Rules(failures=health.failures, window=health.window, pause=health.pause)
            self._standings[key] = kept or Standing(
                provider=provider, model=model, rules=rules, changed=self._opening.changed
            )
        return self._standings[key]

    def _target(self, name: str, model: Model, settings: Settings, *, where: str) -> Target:
        provider = self._profile.providers[settings.provider]
        upstream_model = settings.upstream or name
        prices = self._opening.prices
        price = prices.find(settings.price or upstream_model)
        if price is None:
            raise ConfigError(
                f"{where}: the price table {prices.version} has no entry {settings.price or upstream_model!r}.",
                remedy=f"Set {where}.price to one of its entries; `local` costs nothing.",
            )
        dialect = DIALECTS[provider.dialect]
        if provider.responses and dialect is not OPENAI:
            raise ConfigError(
                f"providers.{settings.provider}.responses: only providers of the dialect openai have it.",
                remedy="Leave it out.",
            )
        key = provider.key.reveal() if provider.key else ""
        return Target(
            model=name,
            upstream_model=upstream_model,
            display_name=model.display_name or name,
            provider=settings.provider,
            dialects=(dialect, RESPONSES) if provider.responses else (dialect,),
            upstream=self._upstreams[settings.provider],
            credential=dialect.credential(key) if key else None,
            secret=provider.key.reference if provider.key else "",
            price=price,
            price_version=prices.version,
            labels=provider.labels,
            timeout=settings.timeout,
            weight=settings.weight,
            any_name=is_pattern(name) and not settings.upstream,
            standing=self._standing(settings.provider, upstream_model, provider.health),
            turns=self._turns[settings.provider],
            wait=provider.wait,
        )


__all__ = ["Changed", "Opening", "open_book"]
