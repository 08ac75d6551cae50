"""The models that clients may name, and where each goes."""

from collections.abc import Iterator, Mapping
from ssl import SSLContext

import msgspec

from app.config.gateway.models import Model, Provider
from app.config.schema import Profile
from app.config.secret import Secret
from app.core.clock import Clock, SystemClock
from app.core.errors import ConfigError, SecretError, UpstreamError
from app.core.passage import Passage
from app.egress.http import Connects, Upstream, parse_origin
from app.gateway.dialects import ANTHROPIC, GEMINI, OPENAI, RESPONSES, Bedrock, Dialect, Headers, Sent, Wire
from app.gateway.money import Price, PriceTable
from app.secrets import Broker, Redactor

DIALECTS: Mapping[str, Wire] = {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model's calls go, under which name, with which key and at which price."""

    model: str
    upstream_model: str
    display_name: str
    provider: str
    dialects: tuple[Wire, ...]
    """What the provider speaks; the first is what other dialects are translated into."""
    upstream: Upstream
    key: Secret | None = None
    """Its key, or the stored secret that is its key, looked up for each call."""
    price: Price
    price_version: str
    labels: tuple[str, ...] = ()

    def dialect(self, client: Dialect) -> Wire:
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

    def credential(self, passage: Passage, target: Target, sent: Sent) -> Headers:
        """The headers that prove the provider's key; UpstreamError when it cannot be given or is none."""
        if target.key is None:
            return ()
        try:
            key = target.key.reveal() or self._stored(passage, target.provider, target.key.reference)
            return target.dialects[0].credential(key, sent)
        except (SecretError, ConfigError) as error:
            raise UpstreamError(str(error), kind="connect", status=503) from None

    def _stored(self, passage: Passage, provider: str, name: str) -> str:
        if self._broker is None:
            raise SecretError("There is no store of secrets here.")
        return self._broker.value(passage, f"provider:{provider}", name)

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
    clock: Clock | None = None,
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
    wires = {
        name: _dialects(name, provider, clock or SystemClock())
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
        target = _target(name, model, provider, prices, upstreams[model.provider])
        targets[name] = msgspec.structs.replace(target, dialects=wires[model.provider])
    return Models(targets, upstreams, broker=broker, redactor=redactor)


def _target(name: str, model: Model, provider: Provider, prices: PriceTable, upstream: Upstream) -> Target:
    upstream_model = model.upstream or name
    price = prices.find(model.price or upstream_model)
    if price is None:
        raise ConfigError(
            f"models.{name}: the price table {prices.version} has no entry {model.price or upstream_model!r}.",
            remedy=f"Set models.{name}.price to one of its entries; `local` costs nothing.",
        )
    return Target(
        model=name,
        upstream_model=upstream_model,
        display_name=model.display_name or name,
        provider=model.provider,
        dialects=(),
        upstream=upstream,
        key=provider.key or None,
        price=price,
        price_version=prices.version,
        labels=provider.labels,
    )


def _dialects(name: str, provider: Provider, clock: Clock) -> tuple[Wire, ...]:
    """What a provider speaks; ConfigError for settings that its dialect has not, and for a key that is none."""
    _only(f"providers.{name}.responses", provider.responses, provider, "openai")
    _only(f"providers.{name}.region", provider.region, provider, "bedrock")
    if provider.dialect == "bedrock" and not provider.region:
        raise ConfigError(
            f"providers.{name}.region: a request to Bedrock is signed for its region.",
            remedy="Name it, such as eu-central-1.",
        )
    bedrock = Bedrock(region=provider.region, clock=clock)
    dialect = bedrock if provider.dialect == "bedrock" else DIALECTS[provider.dialect]
    if provider.key and provider.key.reveal():
        dialect.credential(provider.key.reveal(), Sent(authority="", path="/", headers=(), body=b""))
    return (dialect, RESPONSES) if provider.responses else (dialect,)


def _only(key: str, value: object, provider: Provider, dialect: str) -> None:
    if value and provider.dialect != dialect:
        raise ConfigError(f"{key}: only providers of the dialect {dialect} have it.", remedy="Leave it out.")
