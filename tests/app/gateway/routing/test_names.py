"""What a client's name means."""

import pytest

from app.config.gateway.models import Branch, Model, Place, Provider, When
from app.config.gateway.patterns import overlap
from app.config.gateway.routes import check_models
from app.core.errors import ConfigError
from app.gateway.routing import Names

ONSITE = Provider(dialect="openai", url="http://10.0.0.1", labels=("on-site",))
CLOUD = Provider(dialect="openai", url="http://10.0.0.2")
PLACE = Model(provider="onsite", price="local")


def check(**models: Model) -> None:
    check_models({"onsite": ONSITE, "cloud": CLOUD}, models, source="p")


def refused(text: str, models: dict[str, Model]) -> None:
    with pytest.raises(ConfigError, match=text):
        check_models({"onsite": ONSITE, "cloud": CLOUD}, models, source="p")


def test_a_name_means_itself_before_an_alias_and_an_alias_before_a_pattern():
    names = Names({"gpt": ["gpt-*"], "gpt-5": ["best"], "gpt-5*": []})
    found = {asked: names.find(asked) for asked in ("gpt", "gpt-5", "best", "gpt-4", "gpt-5.1", "claude")}
    assert found == {
        "gpt": "gpt", "gpt-5": "gpt-5", "best": "gpt-5", "gpt-4": "gpt", "gpt-5.1": "gpt-5*", "claude": None,
    }  # fmt: skip


def test_lists_hold_names_and_aliases_but_no_patterns():
    assert dict(Names({"gpt": ["gpt-*", "g"], "c*": []}).all()) == {"gpt": "gpt", "g": "gpt"}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a*", "*b", True), ("a*c", "ab*", True), ("a*", "b*", False), ("*", "*", True), ("ab", "a*b", True),
        ("a*b*c", "*bc*d", False), ("*ab*", "*ba*", True), ("", "*", True), ("x*y", "x*z", False),
    ],
)  # fmt: skip
def test_two_patterns_overlap_when_a_name_fits_both(one: str, other: str, both: bool):
    assert overlap(one, other) is both
    assert overlap(other, one) is both


def test_patterns_that_are_equally_specific_and_overlap_are_refused():
    refused(r"models\.\*a and models\.x\*: some names fit '\*a' and 'x\*' alike", {"x*": PLACE, "*a": PLACE})
    refused(
        r"models\.m\.aliases and models\.x\*", {"x*": PLACE, "m": Model(provider="cloud", aliases=("*a",))}
    )
    check(**{"gp*": PLACE, "gpt-4*": PLACE, "cla*": PLACE})


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (r"models\.m\.provider: there is no provider 'onsit'.*onsite", Model(provider="onsit")),
        (r"models\.m\.targets\[1\]\.provider", Model(targets=(Place(provider="cloud"), Place(provider="x")))),
        (r"models\.m: give provider or targets", Model(provider="cloud", targets=(Place(provider="cloud"),))),
        (r"models\.m: it goes nowhere", Model()),
        (r"models\.m: upstream and price", Model(targets=(Place(provider="cloud"),), price="local")),
        (r"models\.m\.fallbacks\[0\]: there is no model 'gtp'", Model(provider="cloud", fallbacks=("gtp",))),
        (r"models\.m\.fallbacks\[0\]: it names itself", Model(provider="cloud", fallbacks=("m",))),
        (r"models\.m\.fallbacks\[0\]: 'onl' has no place", Model(provider="cloud", fallbacks=("onl",))),
        (r"models\.m\.routes\[0\]\.to", Model(provider="cloud", routes=(Branch(when=When(), to="z"),))),
        (
            r"models\.m\.provider: cloud has no label 'on-site'",
            Model(provider="cloud", requires=("on-site",)),
        ),
        (r"models\.m\.aliases: 'gpt' is also models\.gpt", Model(provider="cloud", aliases=("gpt",))),
        (r"models\.m\.aliases: '' cannot be a name", Model(provider="cloud", aliases=("",))),
    ],
)
def test_what_does_not_fit_together_is_refused_by_its_key(text: str, model: Model):
    refused(text, {"m": model, "gpt": PLACE, "onl": Model(fallbacks=("gpt",))})


def test_a_pattern_needs_a_price_and_is_nobodys_fallback():
    refused(r"models\.c\*\.price is missing", {"c*": Model(provider="cloud")})
    refused("stands for many", {"c*": PLACE, "m": Model(provider="cloud", fallbacks=("c*",))})
