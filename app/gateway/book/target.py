"""One model at one provider."""

from collections.abc import Mapping

import msgspec

from app.egress.http import Upstream
from app.gateway.dialects import ANTHROPIC, OPENAI, Dialect
from app.gateway.money import Price
from app.gateway.routing import Standing, Turns

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
    labels: tuple[str, ...] = ()
    timeout: float = 0.0
    """Seconds until an answer must begin; 0: the upstream's own patience."""
    weight: int = 1
    any_name: bool = False
    """Whether the provider gets the name that the client used."""
    standing: Standing
    turns: Turns
    """Of its provider."""
    wait: float = 0.0
    """Seconds for which a call waits for such a turn."""

    def dialect(self, client: Dialect) -> Dialect:
        """The client's own dialect, where the provider speaks it."""
        return client if client in self.dialects else self.dialects[0]

    def named(self, asked: str) -> "Target":
        """The same for the name that the client used, where that one travels on."""
        return msgspec.structs.replace(self, upstream_model=asked) if self.any_name else self
