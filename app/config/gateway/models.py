"""The sections `providers` and `models`: where AI requests may go and under which names."""

from typing import Annotated, Literal

from msgspec import Meta

from app.config.secret import Secret
from app.config.section import Positive, Seconds, Section

Labels = tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...]


class Health(Section, frozen=True):
    """When a model at a provider is left alone for a while: its circuit opens, one call tries it again, it closes."""

    failures: Annotated[
        Positive, Meta(description="failures within the window, and at least half of the calls, that open it")
    ] = 5
    window: Annotated[Seconds, Meta(description="seconds that are looked at")] = 30.0
    pause: Annotated[Seconds, Meta(description="seconds until one call tries it again")] = 15.0
    probe: Annotated[
        float, Meta(ge=0, description="seconds between looks at its list of models; 0: it is never asked")
    ] = 0.0


class Provider(Section, frozen=True):
    """An AI provider upstream, called in its own dialect."""

    dialect: Annotated[Literal["openai", "anthropic"], Meta(description="wire format it speaks")]
    url: Annotated[
        str,
        Meta(description="base URL, exactly as the vendor SDK takes it (OpenAI with /v1, Anthropic without)"),
    ]
    key: Annotated[
        Secret | None, Meta(description="its API key: `secret:NAME` of the store, `file:PATH` or `${VAR}`")
    ] = None
    labels: Annotated[Labels, Meta(description="labels for routing and policy, such as on-site")] = ()
    timeout: Annotated[Seconds, Meta(description="seconds of silence after which a call ends")] = 300.0
    connect_timeout: Annotated[Seconds, Meta(description="seconds in which a connection must be there")] = (
        10.0
    )
    connections: Annotated[Positive, Meta(description="open connections at most")] = 256
    concurrency: Annotated[
        int, Meta(ge=0, description="calls under way at once; 0: as many as there are connections")
    ] = 0
    wait: Annotated[
        float, Meta(ge=0, description="seconds that a call waits for its turn when all of them are taken")
    ] = 5.0
    health: Annotated[Health, Meta(description="when it is left alone for a while")] = Health()
    responses: Annotated[
        bool, Meta(description="it serves OpenAI's `/responses` as well: its clients are not translated")
    ] = False


class Place(Section, frozen=True):
    """One of the places where a model's calls may go."""

    provider: Annotated[str, Meta(description="name of an entry in providers")]
    upstream: Annotated[str, Meta(description="the provider's own name for it; empty: the same name")] = ""
    price: Annotated[str, Meta(description="entry of the price table; empty: the upstream name")] = ""
    weight: Annotated[
        int, Meta(ge=0, le=1_000_000, description="share of the calls; 0: only when the others fail")
    ] = 1
    timeout: Annotated[
        float, Meta(ge=0, description="seconds until an answer must begin; 0: the provider's silence counts")
    ] = 0.0


class When(Section, frozen=True):
    """What a request must be like: everything that is given must fit, in each list one entry is enough."""

    images: Annotated[bool | None, Meta(description="it holds an image, or none")] = None
    tools: Annotated[bool | None, Meta(description="it offers tools, or none")] = None
    thinking: Annotated[bool | None, Meta(description="it asks the model to think, or does not")] = None
    stream: Annotated[bool | None, Meta(description="it wants a stream, or does not")] = None
    longer_than: Annotated[
        Positive | None, Meta(description="it is longer than so many tokens (estimated, four bytes each)")
    ] = None
    groups: Annotated[tuple[str, ...], Meta(description="the caller is in one of these groups")] = ()
    roles: Annotated[tuple[str, ...], Meta(description="the caller has one of these roles")] = ()
    callers: Annotated[tuple[str, ...], Meta(description="the caller has one of these names")] = ()
    labels: Annotated[
        Labels, Meta(description="policy or the client demand one of these labels for the call")
    ] = ()


class Branch(Section, frozen=True):
    """Requests that go to another model of this profile."""

    when: Annotated[When, Meta(description="which ones")]
    to: Annotated[str, Meta(description="name of an entry in models")]


class Model(Section, frozen=True):
    """A model name that clients use, and where it goes. A name with `*` stands for all names that fit."""

    provider: Annotated[str, Meta(description="name of an entry in providers; or give targets")] = ""
    upstream: Annotated[str, Meta(description="the provider's own name for it; empty: the same name")] = ""
    display_name: Annotated[str, Meta(description="name shown in model lists")] = ""
    price: Annotated[str, Meta(description="entry of the price table; empty: the upstream name")] = ""
    targets: Annotated[tuple[Place, ...], Meta(description="several places instead of one")] = ()
    fallbacks: Annotated[
        tuple[str, ...], Meta(description="models whose own places are tried next, in this order")
    ] = ()
    routes: Annotated[
        tuple[Branch, ...], Meta(description="requests that go to another model; the first that fits counts")
    ] = ()
    aliases: Annotated[
        tuple[str, ...], Meta(description="further names for it; `*` stands for any characters")
    ] = ()
    requires: Annotated[
        Labels, Meta(description="labels that every provider must have that gets a call of this model")
    ] = ()
    retries: Annotated[
        int, Meta(ge=0, le=10, description="how often a place is tried again before an answer has begun")
    ] = 1
    patience: Annotated[
        Seconds, Meta(description="seconds that retries and fallbacks may take before an answer has begun")
    ] = 10.0
    concurrency: Annotated[int, Meta(ge=0, description="calls under way at once; 0: any number")] = 0
    wait: Annotated[
        float, Meta(ge=0, description="seconds that a call waits for its turn when all of them are taken")
    ] = 5.0

    def places(self) -> tuple[Place, ...]:
        """The short form as the long one."""
        if not self.provider:
            return self.targets
        return (Place(provider=self.provider, upstream=self.upstream, price=self.price),)
