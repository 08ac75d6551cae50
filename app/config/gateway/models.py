"""The sections `providers` and `models`: where AI requests may go and under which names."""

from typing import Annotated, Literal

from msgspec import Meta

from app.config.secret import Secret
from app.config.section import Positive, Seconds, Section


class Provider(Section, frozen=True):
    """An AI provider upstream, called in its own dialect."""

    dialect: Annotated[
        Literal["openai", "anthropic", "gemini", "bedrock"], Meta(description="wire format it speaks")
    ]
    url: Annotated[
        str,
        Meta(
            description="base URL, exactly as the vendor SDK takes it (OpenAI with /v1, the others without)"
        ),
    ]
    key: Annotated[
        Secret | None, Meta(description="its API key: `secret:NAME` of the store, `file:PATH` or `${VAR}`")
    ] = None
    region: Annotated[str, Meta(description="of a provider of the dialect bedrock: its region")] = ""
    labels: Annotated[
        tuple[str, ...], Meta(description="labels for routing and policy, such as on-site")
    ] = ()
    timeout: Annotated[Seconds, Meta(description="seconds of silence after which a call ends")] = 300.0
    connections: Annotated[Positive, Meta(description="open connections at most")] = 256
    responses: Annotated[
        bool, Meta(description="it serves OpenAI's `/responses` as well: its clients are not translated")
    ] = False


class Model(Section, frozen=True):
    """A model name that clients use, and where it goes."""

    provider: Annotated[str, Meta(description="name of an entry in providers")]
    upstream: Annotated[str, Meta(description="the provider's own name for it; empty: the same name")] = ""
    display_name: Annotated[str, Meta(description="name shown in model lists")] = ""
    price: Annotated[str, Meta(description="entry of the price table; empty: the upstream name")] = ""
