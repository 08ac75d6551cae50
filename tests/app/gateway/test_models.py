"""Models of a profile and where they go."""

from typing import Any

import pytest

from app.config import Profile
from app.config.gateway.models import Model, Provider
from app.core.errors import ConfigError
from app.core.paths import resources
from app.gateway import open_models, read_prices

PRICES = read_prices(resources() / "assets" / "prices.yaml")
ONSITE = Provider(dialect="openai", url="http://10.0.0.1:8000/v1")


class Nowhere:
    async def connect(self, host, port, protocol, *, tls) -> Any:
        raise OSError


def opened(**models: Model):
    return open_models(
        profile=Profile(providers={"onsite": ONSITE}, models=models),
        prices=PRICES,
        connector=Nowhere(),
        tls=None,
    )


def test_a_model_without_a_price_is_refused_at_start():
    with pytest.raises(ConfigError, match=r"models\.llama.*price"):
        opened(llama=Model(provider="onsite"))


def test_a_local_tariff_a_table_entry_or_the_upstream_name_give_the_price():
    models = opened(
        llama=Model(provider="onsite", price="local"),
        big=Model(provider="onsite", upstream="x/y", price="gpt-5"),
        small=Model(provider="onsite", upstream="gpt-4o-mini-2024-07-18"),
    )
    assert [target.price.input for target in models] == [0, 1_250_000, 150_000]
    assert models.find("small").only.upstream_model == "gpt-4o-mini-2024-07-18"
    assert models.find("nothing") is None


def test_an_unknown_provider_is_named():
    with pytest.raises(ConfigError, match="elsewhere"):
        opened(llama=Model(provider="elsewhere", price="local"))
