"""The models that clients may name, and where each goes."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from ssl import SSLContext

import msgspec

from app.config.gateway.models import Model, Provider
from app.config.schema import Profile
from app.core.errors import ConfigError, SecretError, UpstreamError
from app.core.passage import Passage
from app.egress.http import Connects, Upstream, parse_origin
from app.gateway.dialects import ANTHROPIC, OPENAI, RESPONSES, Dialect
from app.gateway.money import Price, PriceTable
from app.secrets import Broker, Redactor

DIALECTS: Mapping[str, Dialect] = {"openai": OPENAI, "anthropic": ANTHROPIC}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model's calls go, under which name, with which key and at which price."""

    model: str
    upstream_model: str
    display_name: str
    provider: str
    dialects: tuple[Dialect, ...]
    """What the provider speaks; the first is what other dialects are translated into."""
    upstream: Upstream
    credential: tuple[str, str] | None
    secret: str = ""
    """The stored secret that is its key, looked up for each call."""
    price: Price
    """In force when the call was admitted: a table that follows makes other targets, and changes none."""
    price_name: str
    labels: tuple[str, ...] = ()

    @property
    def price_version(self) -> str:
        """Of the table that the price is from."""
        return self.price.table

    def dialect(self, client: Dialect) -> Dialect:
        """The client's own dialect, where the provider speaks it."""
        return client if client in self.dialects else self.dialects[0]


class Models:
    """All targets by the name that clients use; built once from the profile."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        upstreams: Mapping[str, Upstream],
        *,
        broker: Broker | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self._targets = dict(targets)
        self._upstreams = dict(upstreams)
        self._broker = broker
        self.redactor = redactor or Redactor()
        """Takes known secrets out of what providers answer."""

    def __iter__(self) -> Iterator[Target]:
        return iter(self._targets.values())

    def find(self, name: str) -> Target | None:
        """The target of a model, or None."""
        return self._targets.get(name)

    def credential(self, passage: Passage, target: Target) -> tuple[str, str] | None:
        """The header that carries the provider's key; UpstreamError when its secret cannot be given."""
        if not target.secret:
            return target.credential
        try:
            if self._broker is None:
                raise SecretError("There is no store of secrets here.")
            key = self._broker.value(passage, f"provider:{target.provider}", target.secret)
        except SecretError as error:
            raise UpstreamError(str(error), kind="connect", status=503) from None
        return target.dialects[0].credential(key)

    def reprice(self, prices: PriceTable, day: date) -> list[str]:
        """Price every call from now on by this table; models that it does not price keep theirs and are returned."""
        found = {name: prices.find(target.price_name, day) for name, target in self._targets.items()}
        self._targets = {
            name: msgspec.structs.replace(target, price=found[name] or target.price)
            for name, target in self._targets.items()
        }
        return [name for name, price in found.items() if price is None]

    async def aclose(self) -> None:
        """End all connections to providers."""
        for upstream in self._upstreams.values():
            await upstream.aclose()


def open_models(
    *,
    profile: Profile,
    prices: PriceTable,
    day: date | None = None,
    connector: Connects,
    tls: SSLContext | None,
    broker: Broker | None = None,
    redactor: Redactor | None = None,
) -> Models:
    """Targets of a profile; ConfigError for an unknown provider or a model without a price on that day (today)."""
    day = day or datetime.now(UTC).date()
    upstreams = {
        name: Upstream(
            origin=parse_origin(f"providers.{name}.url", provider.url),
            connector=connector,
            tls=tls,
            connections=provider.connections,
            timeout=provider.timeout,
        )
        for name, provider in profile.providers.items()
    }
    targets: dict[str, Target] = {}
    for name, model in profile.models.items():
        provider = profile.providers.get(model.provider)
        if provider is None:
            raise ConfigError(
                f"models.{name}.provider: there is no provider {model.provider!r}.",
                remedy=f"Name one of: {', '.join(sorted(profile.providers)) or 'none is configured'}.",
            )
        targets[name] = _target(
            name, model, provider, _price(name, model, prices, day), upstreams[model.provider]
        )
    return Models(targets, upstreams, broker=broker, redactor=redactor)


def price_name(name: str, model: Model) -> str:
    """The entry of the price table that a model of the profile is meant by."""
    return model.price or model.upstream or name


def _price(name: str, model: Model, prices: PriceTable, day: date) -> Price:
    wanted = price_name(name, model)
    price = prices.find(wanted, day)
    if price is None:
        what = "no price that is valid today for" if prices.entry(wanted) else "no entry"
        raise ConfigError(
            f"models.{name}: the price table {prices.version} has {what} {wanted!r}.",
            remedy=f"Set models.{name}.price to one of its entries (`local` costs nothing), or take in a newer table.",
        )
    return price


def _target(name: str, model: Model, provider: Provider, price: Price, upstream: Upstream) -> Target:
    upstream_model = model.upstream or name
    dialect = DIALECTS[provider.dialect]
    if provider.responses and dialect is not OPENAI:
        raise ConfigError(
            f"providers.{model.provider}.responses: only providers of the dialect openai have it.",
            remedy="Leave it out.",
        )
    key = provider.key.reveal() if provider.key else ""
    return Target(
        model=name,
        upstream_model=upstream_model,
        display_name=model.display_name or name,
        provider=model.provider,
        dialects=(dialect, RESPONSES) if provider.responses else (dialect,),
        upstream=upstream,
        credential=dialect.credential(key) if key else None,
        secret=provider.key.reference if provider.key else "",
        price=price,
        price_name=price_name(name, model),
        labels=provider.labels,
    )
