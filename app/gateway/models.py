"""The models that clients may name, and where each goes."""

from collections.abc import Iterator, Mapping
from ssl import SSLContext

import msgspec

from app.config.gateway.models import Model, Provider
from app.config.schema import Profile
from app.core.errors import ConfigError, SecretError, UpstreamError
from app.core.passage import Passage
from app.egress.http import Connects, Upstream, parse_origin
from app.gateway.clients.spoken import spoken
from app.gateway.dialects import ANTHROPIC, OPENAI, Dialect
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
    price_version: str
    own_keys: bool = False
    """A caller's own key of this provider may be used instead."""
    labels: tuple[str, ...] = ()

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

    async def aclose(self) -> None:
        """End all connections to providers."""
        for upstream in self._upstreams.values():
            await upstream.aclose()


def open_models(
    *,
    profile: Profile,
    prices: PriceTable,
    connector: Connects,
    tls: SSLContext | None,
    broker: Broker | None = None,
    redactor: Redactor | None = None,
) -> Models:
    """Targets of a profile; ConfigError for an unknown provider or a model without a price."""
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
        targets[name] = _target(name, model, provider, prices, upstreams[model.provider])
    return Models(targets, upstreams, broker=broker, redactor=redactor)


def _target(name: str, model: Model, provider: Provider, prices: PriceTable, upstream: Upstream) -> Target:
    upstream_model = model.upstream or name
    price = prices.find(model.price or upstream_model)
    if price is None:
        raise ConfigError(
            f"models.{name}: the price table {prices.version} has no entry {model.price or upstream_model!r}.",
            remedy=f"Set models.{name}.price to one of its entries; `local` costs nothing.",
        )
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
        dialects=spoken(dialect, provider),
        upstream=upstream,
        credential=dialect.credential(key) if key else None,
        secret=provider.key.reference if provider.key else "",
        price=price,
        price_version=prices.version,
        own_keys=provider.own_keys,
        labels=provider.labels,
    )
